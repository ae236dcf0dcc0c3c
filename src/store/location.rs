//! Where a store is: `sqlite:PATH` or `spanner:PROJECT/INSTANCE/DATABASE`.

use std::fmt;
use std::path::PathBuf;

use super::SpannerSettings;
use crate::model::Invalid;

/// The store that is used where none is named.
pub const DEFAULT_STORE: &str = "sqlite:data/ticketshop.db";

/// The place of a store, as in the setting `STORE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// The embedded store.
    Sqlite {
        /// Its file; `-wal`, `-shm` and `-lock` stand beside it.
        path: PathBuf,
    },
    /// A Cloud Spanner database.
    Spanner(Box<SpannerLocation>),
}

/// A Cloud Spanner database, and how it is reached and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpannerLocation {
    /// The Google Cloud project.
    pub project: String,
    /// The Spanner instance.
    pub instance: String,
    /// The database.
    pub database: String,
    /// How the engine reaches and uses it.
    pub settings: SpannerSettings,
}

impl SpannerLocation {
    /// A database with the default settings.
    #[must_use]
    pub fn new(project: &str, instance: &str, database: &str) -> Self {
        Self {
            project: project.to_owned(),
            instance: instance.to_owned(),
            database: database.to_owned(),
            settings: SpannerSettings::default(),
        }
    }

    /// The full name that Spanner's API has for it.
    #[must_use]
    pub fn path(&self) -> String {
        format!("projects/{}/instances/{}/databases/{}", self.project, self.instance, self.database)
    }
}

impl fmt::Display for SpannerLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spanner:{}/{}/{}", self.project, self.instance, self.database)
    }
}

impl StoreLocation {
    /// Reads `sqlite:PATH` or `spanner:PROJECT/INSTANCE/DATABASE`.
    ///
    /// # Errors
    /// When it has neither form.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let form = || {
            Invalid::because(
                "must be sqlite:PATH or spanner:PROJECT/INSTANCE/DATABASE, such as sqlite:data/ticketshop.db",
            )
        };
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite { path: path.into() }),
            Some(("spanner", name)) => {
                let parts: Vec<&str> = name.split('/').collect();
                match parts.as_slice() {
                    [project, instance, database] if parts.iter().all(|part| !part.is_empty()) => {
                        Ok(Self::Spanner(Box::new(SpannerLocation::new(project, instance, database))))
                    }
                    _ => Err(form()),
                }
            }
            _ => Err(form()),
        }
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Spanner(at) => at.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_survives_its_text() {
        for text in [DEFAULT_STORE, "sqlite:/var/lib/a:b.db", "spanner:p/i/d"] {
            assert_eq!(StoreLocation::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_location_is_refused() {
        for text in ["", "data.db", "sqlite:", "mysql:x", "spanner:p/i", "spanner:p/i/d/x", "spanner:p//d"] {
            assert!(StoreLocation::parse(text).is_err(), "{text:?}");
        }
    }
}
