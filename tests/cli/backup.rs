//! `tsctl backup`: a copy that is whole, taken while the shop sells.

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
        // A process of its own, as an operator starts it.
        let (desk_place, name) = (desk.place.store_setting(), file.clone());
        let folder = desk.place.folder.path().to_owned();
        let run = move || {
            std::process::Command::new(env!("CARGO_BIN_EXE_tsctl"))
                .env_clear()
                .env("STORE", desk_place)
                .current_dir(folder)
                .args(["backup", &name])
                .output()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
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
