//! `tsctl audit`, on stores that are whole and on stores that were damaged on purpose.

use ticketshop::model::SeatRanges;

use crate::support::Desk;

/// A shop that has sold some.
async fn sold() -> Desk {
    let (desk, fixture, account) = Desk::selling(&[200]).await;
    for quantity in ["3", "2"] {
        let event = fixture.event.to_string();
        let buy = ["buy", "--account", &account, "--event", &event, "--quantity", quantity];
        desk.tsctl(buy).done();
    }
    desk
}

#[tokio::test]
async fn a_store_that_agrees_is_told_so() {
    let desk = sold().await;
    let answer = desk.tsctl(["audit"]).done();
    assert_eq!(answer.printed, "");
    assert_eq!(answer.said, "2 sales of 5 tickets in 1 categories by 1 accounts: all agree\n");
    let report = desk.tsctl(["audit"]).json();
    let expected = serde_json::json!({
        "categories": 1, "sales": 2, "ticketsSold": 5, "accounts": 1, "disagreements": [],
    });
    assert_eq!(report, expected);
    let (header, rows) = desk.tsctl(["audit"]).csv();
    assert_eq!((header, rows.len()), (Vec::from(HEADER.map(ToOwned::to_owned)), 0));
}

/// Does what the store does when it has sold enough: the two sales go into index and counter.
fn settle(desk: &Desk) {
    let store = rusqlite::Connection::open(desk.place.path()).unwrap();
    let seats: Vec<String> = store
        .prepare("SELECT Seats FROM Sale")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    // One bit a seat; those behind the last of the 200 are set.
    let mut bits = [0_u8; 32];
    bits[25..].fill(0xff);
    for seat in seats.iter().flat_map(|seats| SeatRanges::parse(seats).unwrap().seats().collect::<Vec<_>>()) {
        bits[(seat as usize - 1) / 8] |= 1 << ((seat - 1) % 8);
    }
    store.execute("INSERT INTO SoldTicketsCounter VALUES (1, 5, ?1, 2)", [&bits[..]]).unwrap();
    let rest = "INSERT INTO SaleById SELECT SaleId, SaleNo FROM Sale; UPDATE Meta SET Value = 2 WHERE Name = 'SettledUpTo'";
    store.execute_batch(rest).unwrap();
}

const HEADER: [&str; 5] = ["kind", "detail", "event", "category", "sales"];

#[tokio::test]
async fn each_damage_is_found_and_the_exit_code_says_so() {
    let cases = [
        // The same seats in a second sale.
        (
            "ticket-in-two-sales",
            "INSERT INTO Sale (SaleId, AccountId, TicketCategoryNo, Seats, Price, PurchaseDate)
             SELECT randomblob(16), AccountId, TicketCategoryNo, Seats, Price, PurchaseDate FROM Sale LIMIT 1",
        ),
        ("wrong-counter", "UPDATE SoldTicketsCounter SET Sold = Sold + 1"),
        // All tickets free again, the ledger as it was.
        ("sale-without-tickets", "DELETE FROM SoldTicketsCounter"),
        ("ticket-without-sale", "DELETE FROM Sale WHERE SaleNo = 2"),
        ("unknown-account", "DELETE FROM Account"),
        ("seat-out-of-range", "UPDATE Sale SET Seats = '999' WHERE SaleNo = 1"),
    ];
    let desk = sold().await;
    settle(&desk);
    desk.tsctl(["audit"]).done();
    let whole = std::fs::read(desk.place.path()).unwrap();
    for (kind, damage) in cases {
        for beside in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{beside}", desk.place.path().display()));
        }
        std::fs::write(desk.place.path(), &whole).unwrap();
        desk.damage(damage);
        let answer = desk.tsctl(["audit"]).code(1);
        assert!(answer.printed.contains(kind), "{kind}: {}", answer.printed);
        assert!(answer.said.contains("disagreement"), "{kind}: {}", answer.said);
        let json = desk.tsctl(["audit", "--output", "json"]).code(1).printed;
        let report: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(crate::support::field(&report["disagreements"], "kind").contains(&kind), "{json}");
        let csv = desk.tsctl(["audit", "--output", "csv"]).code(1).printed;
        assert!(csv.starts_with(&HEADER.join(",")) && csv.contains(&format!("\n{kind},")), "{csv}");
    }
}
