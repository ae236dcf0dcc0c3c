//! `docs/config.md`: every setting, from where it is declared.

use std::fmt::Write;

use crate::config::SETTINGS;

const HEAD: &str = "# Settings

<!-- Written by `make docs`; changes belong in src/config/settings.rs. -->

The first place that has a value counts:

1. the flag: `tsbe serve --port 8091`
2. the environment: `PORT=8091`
3. the file that `--config FILE` names, a line for each: `PORT=8091`; [config-sample.env](../config-sample.env) is one
   with every setting and its default
4. the default

An empty value counts as none. `tsbe check-config` reads them all, prints them without the secrets, and reports every
mistake at once; unknown names in a file are mistakes. BOOL is `true` or `false` (also `1`, `yes`, `on` and their
opposites); SECONDS may have a fraction and an `s` behind it; a flag with BOOL may stand alone: `--debug`.

| setting | flag | default | value | what it does |
|---|---|---|---|---|
";

/// The page.
pub(super) fn page() -> String {
    let mut page = String::from(HEAD);
    for setting in SETTINGS {
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | `--{}` | {default} | {} | {} |",
            setting.name,
            setting.flag(),
            setting.form,
            setting.help
        );
    }
    page
}
