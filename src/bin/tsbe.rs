//! `tsbe`, the daemon: a thin door to [`ticketshop::daemon`].

fn main() -> std::process::ExitCode {
    ticketshop::daemon::run()
}
