//! The metrics as a whole: what is listed is shown, what happens is counted.

use super::*;

fn readings() -> Readings {
    let counts = CacheCounts { hits: 5, misses: 2 };
    Readings {
        store_ready: true,
        store_queue: QueueFigures { waiting: 3, limit: 1_024 },
        caches: [("event", counts), ("events", counts), ("multi_events", counts)],
    }
}

fn used() -> Metrics {
    let metrics = Metrics::new(None);
    let effort = Effort { attempts: 3, group: 8, ..Effort::default() };
    metrics.request("GET", "/healthz", 200, Duration::from_millis(1));
    metrics.purchase(Ok((&effort, false)), Duration::from_millis(2));
    metrics.sold(CountryCode::parse("JP").unwrap(), Sold { tickets: 4, took: Duration::from_millis(2) });
    metrics
}

/// What `/metrics` shows and what the list says are the same metrics, kinds, labels and help texts.
#[test]
fn every_metric_is_listed_and_shown() {
    let text = used().text(&readings());
    let help: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).collect();
    let expected: Vec<String> =
        METRICS.iter().map(|metric| format!("{} {}.", metric.name, metric.help)).collect();
    assert_eq!(help, expected);
    for Description { name, kind, labels, .. } in METRICS {
        assert!(text.contains(&format!("# TYPE {name} {}\n", kind.name())), "{name}");
        let sample = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
        let shown: Vec<&str> = match sample.split_once('{') {
            Some((_, rest)) => rest.split(',').filter_map(|pair| Some(pair.split_once('=')?.0)).collect(),
            None => Vec::new(),
        };
        let shown: Vec<&str> = shown.into_iter().filter(|label| *label != "le").collect();
        assert_eq!(shown, *labels, "{sample}");
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn what_happens_is_counted() {
    let metrics = used();
    metrics.purchase(Ok((&Effort::default(), true)), Duration::ZERO);
    metrics.purchase(Err(StoreError::SoldOut { left: 1 }), Duration::ZERO);
    let open = metrics.connection();
    let text = metrics.text(&readings());
    for line in [
        "ticketshop_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1",
        "ticketshop_purchases_total{outcome=\"sold\"} 1",
        "ticketshop_purchases_total{outcome=\"replayed\"} 1",
        "ticketshop_purchases_total{outcome=\"sold-out\"} 1",
        "ticketshop_tickets_sold_total{region=\"AS\",country=\"JP\"} 4",
        "ticketshop_purchase_duration_seconds_bucket{le=\"0.0025\"} 1",
        "ticketshop_purchase_duration_seconds_count 1",
        "ticketshop_purchase_attempts_sum 3.0",
        "ticketshop_purchase_conflicts_total 2",
        "ticketshop_store_queue_limit_requests 1024",
        "ticketshop_cache_requests_total{cache=\"event\",result=\"hit\"} 5",
        "ticketshop_http_connections 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
    }
    drop(open);
    assert!(metrics.text(&readings()).contains("ticketshop_http_connections 0\n"));
    assert_eq!(metrics.last_minute().sold_outs, 1);
}

#[test]
fn a_made_up_method_makes_no_series() {
    let metrics = Metrics::new(None);
    metrics.request("BREW", "none", 404, Duration::ZERO);
    metrics.request("get", "none", 404, Duration::ZERO);
    let text = metrics.text(&readings());
    assert!(text.contains("{method=\"other\",route=\"none\",status=\"404\"} 2"), "{text}");
}
