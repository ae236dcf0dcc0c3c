//! `tsctl account`.

use crate::support::Desk;

const ADA: [&str; 6] = ["--name", "Ada Lovelace", "--email", "ada@example.com", "--country", "gb"];

fn create(desk: &Desk) -> crate::support::Run {
    desk.tsctl(["account", "create"])
}

#[test]
fn the_same_account_again_is_the_same() {
    let desk = Desk::empty();
    let made = create(&desk).args(ADA).json();
    assert_eq!((&made["name"], &made["country"]), (&"Ada Lovelace".into(), &"GB".into()));
    let again = create(&desk).args(ADA).args(["--output", "csv"]).done();
    let line = format!("{},Ada Lovelace,ada@example.com,GB", made["id"].as_str().unwrap());
    assert_eq!(again.printed.lines().collect::<Vec<_>>(), ["id,name,email,country", &line]);
    assert!(again.said.contains("there already"), "{}", again.said);
    let found = desk.tsctl(["list", "account", "ADA@example.com"]).json();
    assert_eq!((&found["id"], &found["tickets"]), (&made["id"], &serde_json::json!([])));
}

#[test]
fn an_address_of_another_name_is_refused() {
    let desk = Desk::empty();
    create(&desk).args(ADA).done();
    let grace = ["--name", "Grace Hopper", "--email", "ada@example.com", "--country", "US"];
    create(&desk).args(grace).refused(1, "belongs to an account with another name or country");
}

#[test]
fn what_is_no_account_is_refused_with_the_name_of_the_option() {
    let desk = Desk::empty();
    let long = "x".repeat(201);
    let cases = [
        ("--name", "", "ada@example.com", "GB"),
        ("--name", "Ada\nLovelace", "ada@example.com", "GB"),
        ("--name", long.as_str(), "ada@example.com", "GB"),
        ("--email", "Ada", "ada.example.com", "GB"),
        ("--email", "Ada", "a b@example.com", "GB"),
        ("--country", "Ada", "ada@example.com", "Britain"),
        ("--country", "Ada", "ada@example.com", "XX"),
    ];
    for (option, name, email, country) in cases {
        let arguments = ["--name", name, "--email", email, "--country", country];
        create(&desk).args(arguments).refused(2, &format!("tsctl: {option} "));
    }
    assert_eq!(desk.stored("SELECT count(*) FROM Account"), 0);
}
