//! Running `tsctl` and `tsbe` against the model, with an environment that has nothing of this machine's.

use std::process::Command;

use crate::conformance::Subject;

/// What a program printed, and how it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// It must have done what it should; returns what it printed.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// It must have refused in one line that holds `why`.
    #[track_caller]
    pub(crate) fn refused(self, why: &str) {
        assert_eq!(self.code, Some(2), "{}{}", self.out, self.err);
        assert_eq!(self.err.lines().count(), 1, "more than one line: {}", self.err);
        assert!(self.err.contains(why), "expected {why:?}: {}", self.err);
    }
}

/// Runs `tsctl` on the database of a test.
pub(crate) fn tsctl<const N: usize>(subject: &Subject, arguments: [&str; N]) -> Ended {
    let host = subject.at.settings.emulator_host.clone().unwrap();
    run(&[&["--store", &subject.at.to_string(), "--spanner-emulator-host", &host], arguments.as_slice()]
        .concat())
}

/// Runs `tsctl` with these arguments and no settings from anywhere else.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_tsctl"))
        .args(arguments)
        .env_clear()
        .env("HOME", nowhere.path())
        .env("NO_GCE_CHECK", "true")
        .env("GCE_METADATA_HOST", "127.0.0.1:1")
        .current_dir(nowhere.path())
        .output()
        .unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
