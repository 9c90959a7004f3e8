//! The peer of `benches/mail.py`: how fast lettre alone hands messages to a mail server, over as many connections as the
//! service has, one message after another on each. `cargo bench --bench mail -- PORT MESSAGES CONNECTIONS FILE`

#![expect(
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on ends, and says what it measured"
)]

use std::time::Instant;

use lettre::{SmtpTransport, Transport as _, address::Envelope, transport::smtp::PoolConfig};

fn main() {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    // `cargo test --benches` and the like start it without.
    let [port, messages, connections, file] = given.as_slice() else { return };
    let (messages, connections): (usize, usize) = (messages.parse().unwrap(), connections.parse().unwrap());
    let transport = SmtpTransport::builder_dangerous("127.0.0.1")
        .port(port.parse().unwrap())
        .pool_config(PoolConfig::new().max_size(u32::try_from(connections).unwrap()))
        .build();
    let envelope =
        Envelope::new(Some("a@example.org".parse().unwrap()), vec!["b@example.org".parse().unwrap()]).unwrap();
    let message = std::fs::read(file).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..connections {
            scope.spawn(|| {
                for _ in 0..messages / connections {
                    transport.send_raw(&envelope, &message).unwrap();
                }
            });
        }
    });
    println!("{:.0}", messages as f64 / begun.elapsed().as_secs_f64());
}
