//! For the operator: where Spanner is hot, and splitting it before it gets so.

use google_cloud_gax::error::rpc::Code;
use google_cloud_spanner_admin_database_v1::model::{SplitPoints, split_points};

use super::catalogue;
use super::connection::{Connection, Freshness, Work};
use super::error::code;
use super::open::{cannot_use, in_time};
use super::rows::Columns;
use super::schema::admin;
use super::shard::{SHARD_SEATS, Shard};
use crate::model::{EventFacts, EventId, Invalid};
use crate::store::location::SpannerLocation;
use crate::store::{HotSpot, HotSpots, OpenError, Result, StoreError};

const LOCKS: &str = include_str!("queries/hot_locks.sql");
const SPLITS: &str = include_str!("queries/hot_splits.sql");

/// Split points that one request may add, by the reference of AddSplitPoints.
const POINTS_A_REQUEST: usize = 100;

type Opened<T> = std::result::Result<T, OpenError>;

/// The busiest splits and the longest lock waits of the last full minute, at most `limit` of each.
pub(crate) async fn hot_spots(at: &SpannerLocation, limit: u32) -> Opened<HotSpots> {
    let connection = Connection::open(at).await?;
    let locks = spots(&connection, LOCKS, limit, |row| Ok(row.text()?.to_owned())).await;
    let locks = locks.map_err(|error| no_statistics(at, &error))?;
    let splits =
        spots(&connection, SPLITS, limit, |row| Ok(format!("{} to {}", row.text()?, row.text()?))).await;
    Ok(HotSpots { locks, splits: splits.map_err(|error| no_statistics(at, &error))? })
}

/// The rows of a statistic: where, which `place` reads, how hot, and what is said of it.
async fn spots(
    connection: &Connection,
    sql: &'static str,
    limit: u32,
    place: impl Fn(&mut Columns<'_>) -> std::result::Result<String, Invalid>,
) -> Result<Vec<HotSpot>> {
    let statement = connection.statement(sql, "hot_spots", Work::Bulk).number("limit", limit as usize);
    let read = |mut row: Columns<'_>| {
        let (place, measure) = (place(&mut row)?, row.real()?);
        let detail = row.optional(|row| row.text())?.unwrap_or_default().to_owned();
        Ok(HotSpot { place, measure, detail })
    };
    connection.query(Freshness::Strong, statement, read).await
}

/// Why there is no answer: above all, that the server has no such tables.
fn no_statistics(at: &SpannerLocation, error: &StoreError) -> OpenError {
    if let StoreError::Unavailable(cause) = error
        && let Some(error) = cause.downcast_ref::<google_cloud_spanner::Error>()
        && !matches!(code(error), Some(Code::InvalidArgument | Code::NotFound | Code::Unimplemented))
    {
        return cannot_use(at, error);
    }
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    OpenError(format!(
        "{at}: this server offers no statistics of locks and splits ({}); Cloud Spanner does, an emulator does not",
        cause.split_whitespace().collect::<Vec<_>>().join(" ")
    ))
}

/// Asks for a split at every category of an event, and at every `every` seats within it, and says how
/// many there are. They go away again after the days that Spanner keeps them for.
pub(crate) async fn presplit(at: &SpannerLocation, event: EventId, every: u32) -> Opened<usize> {
    let connection = Connection::open(at).await?;
    let facts =
        catalogue::event(&connection, event).await.map_err(|error| OpenError(format!("{at}: {error}")))?;
    let admin = admin(at).await?;
    let points = points(&facts, every);
    for chunk in points.chunks(POINTS_A_REQUEST) {
        let request = admin.add_split_points().set_database(at.path()).set_split_points(chunk.to_vec());
        in_time(at, request.send()).await.map_err(|error| no_split_points(&error))?;
    }
    Ok(points.len())
}

fn no_split_points(error: &OpenError) -> OpenError {
    OpenError(format!("{error}; Cloud Spanner takes split points, an emulator does not"))
}

/// One table suffices: tickets and their index are stored with their counters.
fn points(facts: &EventFacts, every: u32) -> Vec<SplitPoints> {
    let step = every.div_ceil(SHARD_SEATS).max(1);
    let shards = |seats: u32| (0..Shard::count(seats)).step_by(step as usize);
    let key = |category: &crate::model::CategoryFacts, shard: u32| {
        let parts =
            [facts.summary.id.to_string().into(), category.id.to_string().into(), shard.to_string().into()];
        split_points::Key::new().set_key_parts(parts)
    };
    let keys = facts
        .categories
        .iter()
        .flat_map(|category| shards(category.seats).map(move |shard| key(category, shard)));
    keys.map(|key| SplitPoints::new().set_table("SoldTicketsCounter").set_keys([key])).collect()
}
