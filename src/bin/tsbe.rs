//! `tsbe`, the daemon: a thin door to [`ticketshop::daemon`].

/// Buyers' requests are made by one thread and freed by another, which the system's allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    ticketshop::roots::provide();
    ticketshop::daemon::run()
}
