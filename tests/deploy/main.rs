//! What is deployed beside the programs: dashboards and alerts ask only for what there is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use ticketshop::metrics::{Description, Kind, METRICS};

/// Words of queries in InfluxQL, beside names in quotes.
const INFLUX_NAMES: [&str; 5] = ["ticket_sale", "tickets-sold", "avglatency", "region", "country"];
/// Labels that Prometheus itself adds.
const OF_PROMETHEUS: [&str; 3] = ["le", "job", "instance"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn dashboard(name: &str) -> Value {
    let path = deploy().join(format!("grafana/dashboards/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// All queries of a dashboard, in the language of its data source.
fn queries(dashboard: &Value, key: &str) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<String> = targets.map(|target| target[key].as_str().unwrap().to_owned()).collect();
    assert!(queries.len() >= panels.len(), "a panel asks for nothing");
    queries
}

/// The metric that a name in a query stands for; a histogram is asked for in parts.
fn metric(name: &str) -> Option<&'static Description> {
    METRICS.iter().find(|metric| {
        let is_part =
            ["_bucket", "_sum", "_count"].iter().any(|part| name.strip_suffix(part) == Some(metric.name));
        if metric.kind == Kind::Histogram { is_part } else { metric.name == name }
    })
}

fn is_word(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

/// Checks that a query in PromQL names metrics and labels that exist.
fn assert_known(query: &str) {
    let words: BTreeSet<&str> = query.split(|char| !is_word(char)).collect();
    let named: Vec<&str> = words
        .into_iter()
        .filter(|word| word.starts_with("ticketshop_") || word.starts_with("process_"))
        .collect();
    assert!(!named.is_empty(), "{query} names no metric");
    let metrics: Vec<&Description> = named
        .iter()
        .map(|name| metric(name).unwrap_or_else(|| panic!("there is no {name}: {query}")))
        .collect();
    let is_label = |label: &str| {
        OF_PROMETHEUS.contains(&label) || metrics.iter().any(|metric| metric.labels.contains(&label))
    };
    for (open, close) in [("{", '}'), ("by (", ')')] {
        for list in query.split(open).skip(1) {
            for part in list.split(close).next().unwrap().split(',') {
                let label = part.split(['=', '!', '~']).next().unwrap().trim();
                assert!(is_label(label), "there is no label {label}: {query}");
            }
        }
    }
}

#[test]
fn dashboards_for_prometheus_name_metrics_that_exist() {
    for name in ["ticketshop-prometheus", "ticketshop-operations"] {
        queries(&dashboard(name), "expr").iter().for_each(|query| assert_known(query));
    }
}

#[test]
fn every_metric_is_on_a_dashboard() {
    let all: String = ["ticketshop-prometheus", "ticketshop-operations"]
        .iter()
        .flat_map(|name| queries(&dashboard(name), "expr"))
        .collect();
    for Description { name, .. } in METRICS {
        assert!(all.contains(name), "{name} is on no dashboard");
    }
}

#[test]
fn the_dashboard_for_influxdb_names_what_points_have() {
    for query in queries(&dashboard("ticketshop-influxdb"), "query") {
        let quoted: Vec<&str> = query.split('"').skip(1).step_by(2).collect();
        assert!(quoted.contains(&"ticket_sale"), "{query}");
        assert!(quoted.iter().all(|name| INFLUX_NAMES.contains(name)), "{query}");
    }
}

/// Whoever changes the data source finds the same panels at the same places.
#[test]
fn both_dashboards_of_sales_have_the_same_panels() {
    let panels = |name: &str| -> Vec<(Value, Value, Value, Value)> {
        let dashboard = dashboard(name);
        let panels = dashboard["panels"].as_array().unwrap().iter();
        panels
            .map(|panel| {
                let unit = panel["fieldConfig"]["defaults"]["unit"].clone();
                (panel["title"].clone(), panel["type"].clone(), panel["gridPos"].clone(), unit)
            })
            .collect()
    };
    assert_eq!(panels("ticketshop-prometheus"), panels("ticketshop-influxdb"));
    assert_eq!(panels("ticketshop-prometheus").len(), 8);
}

#[test]
fn alerts_name_metrics_that_exist() {
    let text = std::fs::read_to_string(deploy().join("prometheus/alerts.yaml")).unwrap();
    let rules: Vec<&str> = text.split("- alert: ").skip(1).collect();
    assert!(rules.len() >= 6);
    for rule in rules {
        let expression = rule.split("expr:").nth(1).unwrap().split("labels:").next().unwrap();
        assert_known(expression.split("for:").next().unwrap());
    }
}
