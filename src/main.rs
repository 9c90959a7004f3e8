//! Plenary: a conference event-management service in one binary. `ARCHITECTURE.md` is the map.

mod access;
mod agenda;
mod blueprint;
mod cli;
mod clock;
mod database;
mod docs;
mod faults;
mod health;
mod http;
mod ids;
mod mail;
mod programme;
mod qr;
mod registration;
mod routes;
mod server;
mod settings;
mod site;
mod values;

/// Memory goes back to the system when a crowd is gone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
