module chimed

go 1.19
