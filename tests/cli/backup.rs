//! `tsctl backup` and `tsctl restore`: a copy that is whole, taken while the shop sells, and a shop made of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ticketshop::store::Access;
use ticketshop::store::conformance::{buy, buyer, purchase};

use crate::support::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_while_it_sells_has_all_that_was_sold_before() {
    let (desk, fixture, _) = Desk::selling(&[1_000_000]).await;
    let store = desk.place.open(Access::Serve).await;
    let account = buyer(&store).await.id;
    let (sold, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let selling = {
        let (store, sold, stop) = (store.clone(), Arc::clone(&sold), Arc::clone(&stop));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                buy(&store, &purchase(account, &fixture, 0, 1)).await.unwrap();
                sold.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let mut copied = Vec::new();
    for no in 0..5 {
        let before = sold.load(Ordering::SeqCst);
        let file = format!("copy{no}.db");
        let mut command = desk.command();
        let run = move || command.args(["backup", &file]).output().map(|output| (output, file));
        let (output, file) = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        copied.push((file, before, sold.load(Ordering::SeqCst)));
    }
    stop.store(true, Ordering::Relaxed);
    selling.await.unwrap();
    store.close().await;
    assert!(copied.iter().any(|(_, before, after)| after > before), "nothing was sold meanwhile");
    for (file, before, after) in copied {
        let audit = desk.tsctl(["audit", "--store", &format!("sqlite:{file}")]).json();
        let sales = audit["sales"].as_u64().unwrap() as usize;
        // One more may have been committed and not counted yet.
        assert!((before..=after + 1).contains(&sales), "{file}: {before} <= {sales} <= {after}");
        assert_eq!(audit["disagreements"], serde_json::json!([]));
    }
}

#[test]
fn a_copy_goes_into_a_new_file_that_nobody_else_may_read() {
    let desk = Desk::with_catalogue(1);
    let said = desk.tsctl(["backup", "copy.db"]).done().said;
    assert!(said.contains("copy.db: ") && said.contains(" MB"), "{said}");
    let path = desk.place.folder.path().join("copy.db");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    desk.tsctl(["backup", "copy.db"]).refused(2, "exists already");
    desk.tsctl(["backup", "no/such/folder/copy.db"]).refused(2, "cannot write");
    desk.tsctl(["backup", "other.db", "--store", "sqlite:missing.db"]).refused(2, "there is no store");
    desk.tsctl(["backup", "other.db", "--store", "spanner:p/i/d"]).refused(2, "backups of its own");
    assert!(!desk.place.folder.path().join("other.db").exists());
    // The copy is a store like any other.
    desk.tsctl(["buy", "--store", "sqlite:copy.db"]).done();
}

/// All of the folder's files whose names contain this.
fn files(desk: &Desk, part: &str) -> Vec<String> {
    let entries = std::fs::read_dir(desk.place.folder.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(part)).collect()
}

fn sales(desk: &Desk) -> i64 {
    desk.stored("SELECT count(*) FROM Sale")
}

#[test]
fn a_restored_store_has_what_the_copy_has_and_keeps_the_other() {
    let desk = Desk::with_catalogue(1);
    desk.tsctl(["buy"]).done();
    desk.tsctl(["backup", "copy.db"]).done();
    desk.tsctl(["buy"]).done();
    desk.tsctl(["restore", "copy.db"]).refused(2, "--replace");
    assert_eq!(sales(&desk), 2);
    let said = desk.tsctl(["restore", "copy.db", "--replace"]).done().said;
    assert!(said.contains("with 1 sales") && said.contains("is kept as"), "{said}");
    assert_eq!(sales(&desk), 1);
    let kept = files(&desk, "-replaced-");
    assert_eq!(kept.len(), 1, "{kept:?}");
    let audit = desk.tsctl(["audit", "--store", &format!("sqlite:{}", kept[0])]).json();
    assert_eq!(audit["sales"], 2);
    desk.tsctl(["buy"]).done();
    desk.tsctl(["audit"]).done();
    let mode = std::fs::metadata(desk.place.path()).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
}

/// A daemon that was killed leaves its last sales in the log: they go with the file they belong to.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_killed_daemon_does_not_get_into_the_copy() {
    let (desk, fixture, account) = Desk::selling(&[100]).await;
    desk.tsctl(["backup", "copy.db"]).done();
    let daemon = desk.place.serve();
    let wish = crate::shared::wish(&account, &fixture, 0, 3);
    let client = reqwest::Client::new();
    let bought = crate::shared::purchase(&client, &daemon.url, &wish, "a").await.unwrap();
    assert_eq!(bought.status(), 201);
    desk.tsctl(["restore", "copy.db", "--replace"]).refused(2, "in use by another tsbe");
    daemon.signal("KILL");
    daemon.end();
    let kept = std::fs::read(format!("{}-wal", desk.place.path().display())).unwrap();
    assert!(!kept.is_empty(), "there is no log to lose");
    desk.tsctl(["restore", "copy.db", "--replace"]).done();
    assert_eq!(sales(&desk), 0);
    let logs = files(&desk, "-wal");
    assert!(logs.len() == 1 && logs[0].contains("-replaced-"), "{logs:?}");
    let kept = files(&desk, "-replaced-").into_iter().find(|name| name.ends_with('Z')).unwrap();
    let audit = desk.tsctl(["audit", "--store", &format!("sqlite:{kept}")]).json();
    assert_eq!(audit["sales"], 1);
}

#[test]
fn a_copy_goes_through_a_pipe_and_back() {
    let desk = Desk::with_catalogue(1);
    desk.tsctl(["buy"]).done();
    let output = desk.command().args(["backup", "-"]).output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"SQLite format 3\0"));
    let other = Desk::new();
    other.command().args(["restore", "-"]).write_stdin(output.stdout).assert().success();
    assert_eq!(sales(&other), 1);
    other.tsctl(["buy"]).done();
    for desk in [&desk, &other] {
        assert_eq!(files(desk, ".ticketshop-copy"), Vec::<String>::new());
    }
}

#[test]
fn what_is_no_whole_copy_changes_nothing() {
    let desk = Desk::with_catalogue(1);
    desk.tsctl(["buy"]).done();
    desk.tsctl(["backup", "copy.db"]).done();
    let folder = desk.place.folder.path().to_owned();
    let copy = std::fs::read(folder.join("copy.db")).unwrap();
    std::fs::write(folder.join("cut.db"), &copy[..copy.len() / 2]).unwrap();
    let mut scrambled = copy.clone();
    scrambled[8192..12288].fill(0x5a);
    std::fs::write(folder.join("scrambled.db"), scrambled).unwrap();
    std::fs::write(folder.join("alone.db"), &copy).unwrap();
    std::fs::write(folder.join("alone.db-wal"), "sales").unwrap();
    desk.file("empty.db", "");
    desk.file(
        "text.db",
        "this is not a store, and long enough to be looked at as one, which takes a hundred bytes or more",
    );
    rusqlite::Connection::open(folder.join("other.db")).unwrap().execute_batch("CREATE TABLE T (x)").unwrap();
    for (file, why) in [
        ("cut.db", "nothing was changed"),
        ("scrambled.db", "nothing was changed"),
        ("empty.db", "it is empty"),
        ("text.db", "nothing was changed"),
        ("other.db", "another program"),
        ("alone.db", "tsctl backup"),
        ("missing.db", "cannot read missing.db"),
    ] {
        desk.tsctl(["restore", file, "--replace"]).refused(2, why);
    }
    desk.tsctl(["restore", "copy.db", "--store", "spanner:p/i/d"]).refused(2, "backups of its own");
    assert_eq!(sales(&desk), 1);
    assert_eq!(files(&desk, ".ticketshop-copy"), Vec::<String>::new());
    assert_eq!(files(&desk, "-replaced-"), Vec::<String>::new());
}
