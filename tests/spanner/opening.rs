//! What is told, in one line, when the database cannot be used; and the other ways to reach one.

use google_cloud_spanner::mutation::Mutation;
use spanner_model::{Code, Model, Options};

use crate::conformance::client;
use crate::conformance::{ddl, subject};
use crate::tls::door;
use crate::tools::{run, tsctl};

const STORE: &str = "spanner:test-project/test-instance/shop";

async fn model(options: Options) -> (Model, String) {
    let model = Model::start(options).await.unwrap();
    let host = model.addr().to_string();
    (model, host)
}

fn at<'a>(store: &'a str, host: &'a str) -> [&'a str; 6] {
    ["--store", store, "--spanner-emulator-host", host, "list", "multievents"]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_told_in_one_line() {
    let (model, host) = model(Options::default()).await;
    run(&at("spanner:test-project/nowhere/shop", &host))
        .refused("there is no instance nowhere in project test-project");
    run(&at(STORE, &host))
        .refused("there is no database shop: make it with `tsctl schema apply --create-database`");
    model.create_database("projects/test-project/instances/test-instance/databases/shop", &[]).unwrap();
    run(&at(STORE, &host)).refused("has no schema: run `tsctl schema apply`");
    run(&at(STORE, "127.0.0.1:1")).refused("cannot reach 127.0.0.1:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let subject = subject().await;
    let client = client(&subject.at).await;
    let row = Mutation::new_insert_builder("SchemaMigration")
        .set("Version")
        .to(99_i64)
        .set("Name")
        .to("099_future".to_owned())
        .set("AppliedAt")
        .to("spanner.commit_timestamp()".to_owned())
        .build();
    client.write_only_transaction().build().write([row]).await.unwrap();
    tsctl(&subject, ["list", "multievents"]).refused("has schema 99, this program knows up to 1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_names_the_role() {
    for (code, why) in [
        (Code::PermissionDenied, "grant the account roles/spanner.databaseUser"),
        (Code::Unauthenticated, "no Google credentials that are accepted"),
    ] {
        let denied = vec![("CreateSession".to_owned(), code)];
        let (_model, host) = model(Options { denied, ..Options::default() }).await;
        run(&at(STORE, &host)).refused(why);
    }
}

#[test]
fn a_key_file_that_is_none_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "not a key").unwrap();
    let name = file.path().to_str().unwrap();
    for (key, why) in [("/no/such/key.json", "No such file"), (name, "it is not JSON")] {
        let store = ["--store", STORE, "--google-application-credentials", key, "audit"];
        run(&store).refused(why);
    }
}

/// Without any credentials: the client looks for those of the machine, and there are none.
#[test]
fn no_credentials_at_all_are_told() {
    run(&["--store", STORE, "audit"]).refused("no Google credentials");
}

const OMNI: &str = "spanner:default/default/shop";

/// A model that looks like a Spanner Omni deployment with a shop in it.
async fn omni() -> Model {
    let instances = vec!["projects/default/instances/default".to_owned()];
    let (model, _) = model(Options { instances, ..Options::default() }).await;
    let ddl = ddl();
    let statements: Vec<&str> = ddl.iter().map(String::as_str).collect();
    model.create_database("projects/default/instances/default/databases/shop", &statements).unwrap();
    model
}

#[tokio::test(flavor = "multi_thread")]
async fn an_omni_endpoint_is_reached_in_plain_text() {
    let model = omni().await;
    let endpoint = model.endpoint();
    let store = ["--store", OMNI, "--spanner-endpoint", &endpoint];
    run(&[&store[..], &["audit"]].concat()).done();
    run(&[&store[..], &["--spanner-ca-file", "ca.pem", "audit"]].concat())
        .refused("certificates need https://");
    run(&["--store", OMNI, "--spanner-endpoint", "https://127.0.0.1:1", "audit"])
        .refused("cannot reach https://127.0.0.1:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_omni_endpoint_is_reached_by_its_own_tls() {
    let model = omni().await;
    for wants_certificate in [false, true] {
        let door = door(model.addr(), wants_certificate).await;
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        let (ca, certificate, key) = (path(&door.ca), path(&door.client_cert), path(&door.client_key));
        let store = ["--store", OMNI, "--spanner-endpoint", &door.endpoint];
        let with_ca = [&store[..], &["--spanner-ca-file", &ca]].concat();
        let with_all =
            [&with_ca[..], &["--spanner-client-cert", &certificate, "--spanner-client-key", &key]].concat();
        run(&[&with_all[..], &["audit"]].concat()).done();
        // Without the authority, the server is nobody; without a certificate, the client is.
        run(&[&store[..], &["audit"]].concat()).refused("cannot reach https://localhost");
        let anonymous = run(&[&with_ca[..], &["audit"]].concat());
        if wants_certificate {
            anonymous.refused("cannot reach")
        } else {
            drop(anonymous.done())
        }
        run(&[&store[..], &["--spanner-ca-file", "/no/ca.pem", "audit"]].concat())
            .refused("the TLS settings");
    }
}
