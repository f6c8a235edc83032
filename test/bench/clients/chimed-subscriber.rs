//! Counts the messages of a topic: chimed-subscriber SOCKET [SECONDS to sleep for each]

use std::{env, thread, time::Duration};

fn main() -> Result<(), chimed::Error> {
    let arguments: Vec<String> = env::args().collect();
    let pause = arguments.get(2).map_or(0.0, |text| text.parse().expect("seconds"));
    let client = chimed::Client::connect(chimed::Options::new().socket(&arguments[1]))?;
    client.subscribe(&["bench"])?;
    let (mut count, mut missed) = (0_u64, 0);
    for message in client.messages() {
        count += 1;
        missed += message.missed;
        if message.data == "\"end\"" {
            println!("{count} {missed}");
        } else if pause > 0.0 {
            thread::sleep(Duration::from_secs_f64(pause));
        }
    }
    Ok(())
}
