//! `tsctl`, the operator's tool: a thin door to [`ticketshop::cli`].

fn main() -> std::process::ExitCode {
    ticketshop::cli::run()
}
