module bench

go 1.19

require chimed v0.0.0

replace chimed => ../../../../clients/go
