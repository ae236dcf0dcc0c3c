//! How the texts of settings are read.

use std::fmt;
use std::time::Duration;

use super::LogFormat;

/// A text that is never shown: `Debug` and `Display` print stars.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `true`, `1`, `yes`, `on` or their opposites, in any case.
///
/// # Errors
/// What it must be, where it is nothing of these.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// A whole number from `min` to `max`.
///
/// # Errors
/// What it must be, where it is none.
pub fn number(text: &str, min: u64, max: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {min} to {max}")),
    }
}

/// Seconds, with a fraction if need be, and an `s` behind them or not; from `min` to a day.
///
/// # Errors
/// What it must be, where it is no such number.
pub fn seconds(text: &str, min: f64) -> Result<Duration, String> {
    const DAY: f64 = 86_400.0;
    let digits = text.strip_suffix('s').unwrap_or(text);
    match digits.parse::<f64>() {
        Ok(seconds) if (min..=DAY).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("must be a number of seconds from {min} to {DAY}")),
    }
}

/// A share, from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a number from 0 to 1, such as 0.01".to_owned()),
    }
}

/// The address of a server that speaks HTTP.
pub(super) fn http_address(text: &str) -> Result<String, String> {
    let is_http = text.starts_with("http://") || text.starts_with("https://");
    match reqwest::Url::parse(text) {
        Ok(url) if is_http && url.has_host() => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("must be an address with http:// or https://, such as http://localhost:8086".to_owned()),
    }
}

/// `text` or `json`; `auto` is JSON unless people look on.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        "auto" if std::io::IsTerminal::is_terminal(&std::io::stderr()) => Ok(LogFormat::Text),
        "auto" => Ok(LogFormat::Json),
        _ => Err("must be auto, text or json".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(seconds("15", 0.0), Ok(Duration::from_secs(15)));
        assert_eq!(seconds("0.5s", 0.0), Ok(Duration::from_millis(500)));
        for text in ["", "s", "-1", "NaN", "inf", "1e9", "15m"] {
            assert!(seconds(text, 0.0).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_any_text_never_panics(text in ".*") {
            let _ = (boolean(&text), number(&text, 0, 9), seconds(&text, 0.0), http_address(&text), log_format(&text));
        }
    }
}
