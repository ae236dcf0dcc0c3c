//! Where settings come from: flag, environment, file, default, the first that has one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::SETTINGS;

/// The values that were given, with the place each was given at.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    values: BTreeMap<&'static str, Given>,
    mistakes: Vec<String>,
}

/// A value as it was given.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    /// How to name it in an error: `--port`, `PORT`, `PORT in config.env`.
    pub(super) origin: String,
}

impl fmt::Debug for Given {
    /// Without the text, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// Every mistake in a configuration, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

impl Sources {
    /// What the environment sets, and below it what the file at `file` sets.
    #[must_use]
    pub fn from_environment(file: Option<&Path>) -> Self {
        let environment = |name: &str| std::env::var(name).ok();
        let mut sources = Self::default();
        if let Some(file) = file {
            sources.add_file(file);
        }
        for setting in SETTINGS {
            if let Some(text) = environment(setting.name) {
                sources.set(setting.name, text, setting.name.to_owned());
            }
        }
        sources
    }

    /// Sets what a flag has given; it wins over everything before.
    pub fn set_flag(&mut self, name: &'static str, text: String) {
        let origin = format!("--{}", super::settings::flag_of(name));
        self.set(name, text, origin);
    }

    /// Sets a value, named `origin` in errors. An empty text sets nothing: an empty variable does not
    /// undo what the file says.
    pub fn set(&mut self, name: &'static str, text: String, origin: String) {
        if !text.trim().is_empty() {
            self.values.insert(name, Given { text: text.trim().to_owned(), origin });
        }
    }

    fn add_file(&mut self, file: &Path) {
        let shown = file.display();
        let lines = match dotenvy::from_path_iter(file) {
            Ok(lines) => lines,
            Err(error) => return self.mistakes.push(format!("cannot read {shown}: {error}")),
        };
        for line in lines {
            match line {
                Ok((name, text)) => match SETTINGS.iter().find(|setting| setting.name == name) {
                    Some(setting) => self.set(setting.name, text, format!("{name} in {shown}")),
                    None => self.mistakes.push(format!("{name} in {shown}: there is no such setting")),
                },
                // Its text may hold a secret, so the line is not repeated.
                Err(_) => {
                    self.mistakes
                        .push(format!("{shown}: a line is not NAME=VALUE; quote values with spaces"));
                }
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Given> {
        self.values.get(name)
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        self.mistakes.clone()
    }
}
