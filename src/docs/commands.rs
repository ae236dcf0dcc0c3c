//! What the programs say of their command lines: one page for all of it, and man pages.

use std::fmt::Write;

use clap::Command;
use clap_mangen::Man;

use super::Page;

/// Characters in a line of help.
const WIDTH: usize = 100;

/// A command that says the same on every terminal and in every environment.
pub(super) fn settled(command: Command) -> Command {
    let mut command = command.term_width(WIDTH).disable_help_subcommand(true);
    command = command.mut_args(|arg| arg.hide_env_values(true));
    let names: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, settled))
}

/// `docs/cli.md`.
pub(super) fn page(programs: &[Command]) -> String {
    let mut text = String::from(
        "# Command lines\n\n<!-- Written by `make docs`; changes belong in src/cli. -->\n\n\
         What `--help` says of each command. Settings, which every command of `tsctl` takes as well, are in \
         [config.md](config.md).\n",
    );
    for program in programs {
        section(&mut text, program, program.get_name(), 2);
    }
    text
}

/// A command and those below it. Settings are shown once, with the program.
fn section(text: &mut String, command: &Command, name: &str, level: usize) {
    // Alone, so that what the program hands down to it is not told again.
    let help = command.clone().bin_name(name).render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{} {name}\n\n```text\n{}\n```\n", "#".repeat(level), lines.join("\n"));
    for below in command.get_subcommands() {
        section(text, below, &format!("{name} {}", below.get_name()), 3);
    }
}

/// One man page for each program and each of its commands.
pub(super) fn manuals(programs: &[Command]) -> std::io::Result<Vec<Page>> {
    let mut pages = Vec::new();
    for program in programs {
        let name = program.get_name();
        pages.push(manual(program.clone(), name)?);
        for command in program.get_subcommands() {
            pages.push(manual(command.clone(), &format!("{name}-{}", command.get_name()))?);
        }
    }
    Ok(pages)
}

fn manual(command: Command, name: &str) -> std::io::Result<Page> {
    let mut text = Vec::new();
    let command = command.name(name.to_owned()).bin_name(name.replacen('-', " ", 1));
    Man::new(command).source("Ticketshop").manual("Ticketshop").render(&mut text)?;
    Ok(super::page(format!("man/{name}.1"), String::from_utf8_lossy(&text).into_owned()))
}
