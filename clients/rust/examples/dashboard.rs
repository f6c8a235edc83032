use chimed::{log_to_stderr, Client, Error, Options};

fn main() -> Result<(), Error> {
    let client = Client::connect(Options::new().name("dashboard").log(log_to_stderr))?;
    client.subscribe(&["host.>"])?;
    for message in client.messages() {
        if message.missed > 0 {
            eprintln!("missed {} messages of {}", message.missed, message.topic);
        }
        println!("{} {} {}", message.topic, message.seq, message.data);
    }
    Ok(())
}
