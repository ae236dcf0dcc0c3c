//! Flags for the settings of [`crate::config`], and the sources that they and the others make.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};

use crate::config::{SETTINGS, Sources};

/// A flag for each named setting, and `--config`. Values are read with all others by
/// [`crate::config::Config::read`], so that every mistake is reported at once.
#[must_use]
pub fn setting_args(names: &[&str]) -> Vec<Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help_heading("Settings")
        .help("Read settings from this file, as config-sample.env");
    let of_setting = SETTINGS.iter().filter(|setting| names.contains(&setting.name)).map(|setting| {
        let default = if setting.default.is_empty() {
            String::new()
        } else {
            format!(" [default: {}]", setting.default)
        };
        let arg = Arg::new(setting.name)
            .long(setting.flag())
            .value_name(setting.form)
            .help_heading("Settings")
            .help(format!("{}{default}", setting.help));
        match setting.form {
            "BOOL" => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
            _ => arg,
        }
    });
    std::iter::once(config).chain(of_setting).collect()
}

/// The settings from flags, environment and file.
#[must_use]
pub fn sources(matches: &ArgMatches) -> Sources {
    let file = matches.get_one::<PathBuf>("config");
    let mut sources = Sources::from_environment(file.map(PathBuf::as_path));
    for setting in SETTINGS {
        if let Ok(Some(text)) = matches.try_get_one::<String>(setting.name) {
            sources.set_flag(setting.name, text.clone());
        }
    }
    sources
}
