//! Power cuts: the store's file system, on a disk of its own, stops at once and forgets what it had not flushed. What
//! was acknowledged must be there when it is mounted again.
//!
//! The disk is a file that is mounted as ext4; the cut is the ioctl that ext4 has for tests, which drops everything
//! that is not on the disk, its own journal's last entries too (`EXT4_IOC_SHUTDOWN` with `NOLOGFLUSH`; Linux,
//! fs/ext4/ioctl.c). Needs root, a loop device, `mkfs.ext4` and perl.

use std::path::PathBuf;
use std::process::Command;

use super::support::{Place, Tsbe};
use super::{Accident, strike_again_and_again};

const DISK_BYTES: u64 = 512 << 20;
/// The ioctl, and what is asked of it, in perl since no safe crate has it.
const CUT: &str = r#"open(my $root, "<", $ARGV[0]) or die; my $how = pack("L", 2); ioctl($root, 0x8004587d, $how) or die $!"#;

/// A file system that can lose its power.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let disk = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::File::create(disk.image()).unwrap().set_len(DISK_BYTES).unwrap();
        std::fs::create_dir(disk.root()).unwrap();
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(disk.image()));
        disk.mount();
        disk
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn mount(&self) {
        run(Command::new("mount").args(["-o", "loop"]).arg(self.image()).arg(self.root()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.root()).status();
    }
}

impl Accident for Disk {
    const NAME: &str = "power cuts";

    fn strike(&mut self, daemon: &Tsbe) {
        // Without power nothing runs on. A process that does is told by ext4 now and then that a flush which the cut
        // has broken off has succeeded, and would acknowledge what it cannot know (seen with a program that only
        // appends and flushes, too: once in 100 cuts).
        daemon.signal("STOP");
        run(Command::new("perl").args(["-e", CUT]).arg(self.root()));
        daemon.signal("KILL");
    }

    fn recover(&mut self) {
        run(Command::new("umount").arg(self.root()));
        self.mount();
    }
}

/// Runs what has to succeed. `mkfs.ext4` and `mount` are where only root's PATH looks.
fn run(command: &mut Command) {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = command.env("PATH", format!("{path}:/usr/sbin:/sbin")).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root and a loop device: make proof-power"]
async fn nothing_acknowledged_is_lost_by_a_power_cut() {
    let cuts = std::env::var("POWER_CUTS").ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(100);
    let disk = Disk::new();
    let place = Place { folder: tempfile::tempdir_in(disk.root()).unwrap() };
    strike_again_and_again(disk, place, cuts).await;
}
