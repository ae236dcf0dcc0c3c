//! What is recorded of each kind of request.

use std::time::Duration;

use googleapis_tonic_google_spanner_v1::google::spanner::v1;
use v1::transaction_options::Mode;
use v1::transaction_options::read_only::TimestampBound;
use v1::transaction_selector::Selector;

use crate::calls::RequestRecord;

/// A request that can be recorded.
pub(crate) trait Recorded {
    /// What tests want to know about the request.
    fn record(&self) -> RequestRecord;
}

fn of_session(session: &str) -> RequestRecord {
    RequestRecord { session: session.to_owned(), ..RequestRecord::default() }
}

impl RequestRecord {
    fn with_options(mut self, options: Option<&v1::RequestOptions>) -> Self {
        if let Some(options) = options {
            self.transaction_tag.clone_from(&options.transaction_tag);
            self.request_tag.clone_from(&options.request_tag);
            self.priority = options.priority().as_str_name().to_owned();
        }
        self
    }

    fn with_transaction(mut self, options: Option<&v1::TransactionOptions>) -> Self {
        if let Some(Mode::ReadOnly(only)) = options.and_then(|options| options.mode.as_ref()) {
            self.timestamp_bound = Some(bound(only.timestamp_bound.as_ref()));
        }
        self
    }

    fn with_selector(mut self, selector: Option<&v1::TransactionSelector>) -> Self {
        let Some(selector) = selector.and_then(|selector| selector.selector.as_ref()) else { return self };
        let (name, options) = match selector {
            Selector::SingleUse(options) => ("single_use", Some(options)),
            Selector::Begin(options) => ("begin", Some(options)),
            Selector::Id(id) => {
                self.transaction_id.clone_from(id);
                ("id", None)
            }
        };
        self.selector = Some(name.to_owned());
        self.with_transaction(options)
    }
}

fn bound(bound: Option<&TimestampBound>) -> String {
    let seconds =
        |duration: &prost_types::Duration| format!("{:?}", Duration::try_from(*duration).unwrap_or_default());
    match bound {
        None | Some(TimestampBound::Strong(_)) => "strong".to_owned(),
        Some(TimestampBound::MaxStaleness(staleness)) => format!("max_staleness={}", seconds(staleness)),
        Some(TimestampBound::ExactStaleness(staleness)) => format!("exact_staleness={}", seconds(staleness)),
        Some(TimestampBound::ReadTimestamp(timestamp)) => format!("read_timestamp={timestamp}"),
        Some(TimestampBound::MinReadTimestamp(timestamp)) => format!("min_read_timestamp={timestamp}"),
    }
}

impl Recorded for v1::CreateSessionRequest {
    fn record(&self) -> RequestRecord {
        of_session(&self.database)
    }
}

impl Recorded for v1::BatchCreateSessionsRequest {
    fn record(&self) -> RequestRecord {
        of_session(&self.database)
    }
}

impl Recorded for v1::GetSessionRequest {
    fn record(&self) -> RequestRecord {
        of_session(&self.name)
    }
}

impl Recorded for v1::ListSessionsRequest {
    fn record(&self) -> RequestRecord {
        of_session(&self.database)
    }
}

impl Recorded for v1::DeleteSessionRequest {
    fn record(&self) -> RequestRecord {
        of_session(&self.name)
    }
}

impl Recorded for v1::BeginTransactionRequest {
    fn record(&self) -> RequestRecord {
        let record = of_session(&self.session).with_options(self.request_options.as_ref());
        record.with_transaction(self.options.as_ref())
    }
}

impl Recorded for v1::RollbackRequest {
    fn record(&self) -> RequestRecord {
        RequestRecord { transaction_id: self.transaction_id.clone(), ..of_session(&self.session) }
    }
}

impl Recorded for v1::CommitRequest {
    fn record(&self) -> RequestRecord {
        let mut record = of_session(&self.session).with_options(self.request_options.as_ref());
        record.mutations = self.mutations.len();
        record.max_commit_delay = self.max_commit_delay.and_then(|delay| Duration::try_from(delay).ok());
        match &self.transaction {
            Some(v1::commit_request::Transaction::TransactionId(id)) => {
                record.selector = Some("id".to_owned());
                record.transaction_id.clone_from(id);
            }
            Some(v1::commit_request::Transaction::SingleUseTransaction(_)) => {
                record.selector = Some("single_use".to_owned());
            }
            None => {}
        }
        record
    }
}

impl Recorded for v1::ReadRequest {
    fn record(&self) -> RequestRecord {
        let mut record = of_session(&self.session).with_options(self.request_options.as_ref());
        record.target.clone_from(&self.table);
        record.index.clone_from(&self.index);
        record.exclusive = self.lock_hint() == v1::read_request::LockHint::Exclusive;
        record.with_selector(self.transaction.as_ref())
    }
}

impl Recorded for v1::ExecuteSqlRequest {
    fn record(&self) -> RequestRecord {
        let mut record = of_session(&self.session).with_options(self.request_options.as_ref());
        record.target.clone_from(&self.sql);
        record.with_selector(self.transaction.as_ref())
    }
}

impl Recorded for v1::ExecuteBatchDmlRequest {
    fn record(&self) -> RequestRecord {
        let mut record = of_session(&self.session).with_options(self.request_options.as_ref());
        let statements: Vec<&str> = self.statements.iter().map(|statement| statement.sql.as_str()).collect();
        record.target = statements.join("; ");
        record.with_selector(self.transaction.as_ref())
    }
}
