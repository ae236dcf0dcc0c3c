//! Asking before something that cannot be taken back.

use std::io::{IsTerminal, Write};

use super::exit_code::CliError;

/// Asks on the terminal whether to `verb` `what`; without one there is nobody to ask.
///
/// # Errors
/// Wrong usage without a terminal, with the option to give.
pub(super) fn confirmed(verb: &str, what: &str) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::usage(format!(
            "this would {verb} {what}: give --yes to do it without a terminal"
        )));
    }
    let begin: String = verb.chars().take(1).flat_map(char::to_uppercase).collect();
    let rest: String = verb.chars().skip(1).collect();
    let _ = write!(std::io::stderr(), "{begin}{rest} {what}? Type yes: ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CliError::usage(format!("cannot read the answer: {error}")))?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
