//! The one error of every `parse` in the model.

use std::borrow::Cow;

/// Why a text is not a value of the wanted type: a short, lower-case sentence that names what is
/// allowed. It never repeats the refused text, so it may be shown to anyone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub Cow<'static, str>);

impl Invalid {
    /// An error with a fixed text.
    #[must_use]
    pub const fn because(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

/// Trims `text` and checks that it has 1 to `max` characters, none of them a control character.
pub(super) fn line_of_text(text: &str, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Invalid::because("must not be empty"));
    }
    if text.chars().count() > max {
        return Err(Invalid(format!("must have at most {max} characters").into()));
    }
    if text.chars().any(char::is_control) {
        return Err(Invalid::because("must not contain control characters"));
    }
    Ok(text.to_owned())
}
