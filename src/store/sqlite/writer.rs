//! The one writer: a thread that owns the write connection and commits requests in groups.
//!
//! Whatever waits when a group begins is in it, so a lonely request does not wait for others, and
//! under load many share one fsync. Nobody is answered before COMMIT has returned.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::accounts;
use super::error::commit_is_undone;
use super::group::{
    AloneWork, Answer, Ended, GroupError, Job, PurchaseJob, cause_of, crashed, deliver, gone,
};
use super::purchase::Ledger;
use super::rows;
use super::sales::Append;
use super::tail::Marks;
use crate::model::{NewAccount, Purchase};
use crate::store::stages::Stages;
use crate::store::{CreatedAccount, Effort, Purchased, QueueFigures, Result, StoreError};

/// Most requests in one group: enough that the fsync costs each of them next to nothing.
pub(super) const GROUP_MAX: usize = 512;
/// Requests that may wait: the group after the one at work, and one more.
const QUEUE_MAX: usize = 2 * GROUP_MAX;

/// The way to the writer.
pub(super) struct WriterHandle {
    jobs: mpsc::Sender<Job>,
    closed: AtomicBool,
    failed: watch::Receiver<Option<String>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl WriterHandle {
    pub(super) async fn purchase_tickets(&self, purchase: &Purchase, deadline: Instant) -> Result<Purchased> {
        let (reply, answer) = oneshot::channel();
        let purchase = purchase.clone();
        let (queued_at, stages) = (Instant::now(), Stages::queued());
        let job = PurchaseJob { purchase, deadline, queued_at, stages, reply };
        self.try_send(Job::Purchase(job))?;
        answer.await.unwrap_or_else(|_| Err(crashed()))
    }

    pub(super) async fn create_account(&self, account: &NewAccount) -> Result<CreatedAccount> {
        let (reply, answer) = oneshot::channel();
        self.try_send(Job::CreateAccount(account.clone(), reply))?;
        answer.await.unwrap_or_else(|_| Err(crashed()))
    }

    /// Runs `work` on the write connection, between groups.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = Box::new(move |connection: &mut Connection| {
            // The caller may have gone; the work is done all the same.
            let _ = reply.send(work(connection));
        });
        self.jobs()?.send(Job::Alone(work)).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(crashed()))
    }

    fn jobs(&self) -> Result<&mpsc::Sender<Job>> {
        if self.closed.load(Ordering::Acquire) { Err(gone()) } else { Ok(&self.jobs) }
    }

    fn try_send(&self, job: Job) -> Result<()> {
        self.jobs()?.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => gone(),
        })
    }

    /// Whether the writer takes requests and has room for them.
    pub(super) fn ready(&self) -> Result<()> {
        let jobs = self.jobs()?;
        match (jobs.is_closed(), jobs.capacity()) {
            (true, _) => Err(gone()),
            (false, 0) => Err(StoreError::Overloaded),
            (false, _) => Ok(()),
        }
    }

    /// How much waits.
    pub(super) fn queue(&self) -> QueueFigures {
        QueueFigures { waiting: QUEUE_MAX - self.jobs.capacity(), limit: QUEUE_MAX }
    }

    /// Waits until the writer has stopped for good without being closed, and says why.
    pub(super) async fn failed(&self) -> String {
        let mut failed = self.failed.clone();
        let why = failed.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        match why {
            Some(why) => why,
            None if !self.closed.load(Ordering::Acquire) => "the writer crashed".to_owned(),
            None => std::future::pending().await,
        }
    }

    /// Takes no more requests, and returns when those that were taken are answered.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // It fails where the writer has stopped already.
        let _ = self.jobs.send(Job::Stop).await;
        let thread = locked(&self.thread).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The writer, before and in its thread.
pub(super) struct Writer {
    connection: Connection,
    ledger: Ledger,
    /// As of the last group; another value later means that another process has committed.
    data_version: Option<DataVersion>,
    broken: watch::Sender<Option<String>>,
}

/// What tells whether the file has changed by other hands.
#[derive(Clone, Copy, PartialEq, Eq)]
struct DataVersion {
    /// Changes with every commit of another connection.
    commits: i64,
    /// Changes when sales are deleted.
    generation: i64,
}

impl Writer {
    /// A writer on a connection that nobody else uses.
    pub(super) fn new(connection: Connection, ledger: Ledger) -> Self {
        Self { connection, ledger, data_version: None, broken: watch::Sender::new(None) }
    }

    /// Reads what the first group would otherwise have to wait for.
    pub(super) fn warm_up(&mut self) -> Result<()> {
        self.begin()?;
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Starts the thread, and a task that delivers its answers.
    pub(super) fn start(self) -> std::io::Result<WriterHandle> {
        let (jobs, queue) = mpsc::channel(QUEUE_MAX);
        let failed = self.broken.subscribe();
        let (ended, ended_groups) = mpsc::unbounded_channel();
        tokio::spawn(deliver(ended_groups));
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || self.run(queue, &ended))?;
        Ok(WriterHandle { jobs, closed: AtomicBool::new(false), failed, thread: Mutex::new(Some(thread)) })
    }

    fn run(mut self, mut queue: mpsc::Receiver<Job>, ended: &mpsc::UnboundedSender<Ended>) {
        let mut jobs = Vec::with_capacity(GROUP_MAX);
        let mut stops = false;
        while !stops && !self.is_broken() && queue.blocking_recv_many(&mut jobs, GROUP_MAX) > 0 {
            let mut group = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Alone(work) => {
                        self.commit(std::mem::take(&mut group), ended);
                        self.work_alone(work);
                    }
                    Job::Stop => stops = true,
                    job => group.push(job),
                }
            }
            self.commit(group, ended);
        }
        // Whoever still waits, after a failure or behind the end, is told that nothing was begun for them.
        queue.close();
        while let Ok(job) = queue.try_recv() {
            job.refuse();
        }
        // The last connection that closes copies the log into the database file and removes it.
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the log was not copied into the database file; the next start does it");
        }
    }

    fn is_broken(&self) -> bool {
        self.broken.borrow().is_some()
    }

    fn work_alone(&mut self, work: AloneWork) {
        if !self.is_broken() {
            work(&mut self.connection);
            // It may have changed anything.
            self.data_version = None;
        }
    }

    fn commit(&mut self, group: Vec<Job>, ended: &mpsc::UnboundedSender<Ended>) {
        if self.is_broken() {
            return group.into_iter().for_each(Job::refuse);
        }
        if group.is_empty() {
            return;
        }
        let begun_at = Instant::now();
        let mut answers = Vec::with_capacity(group.len());
        let written = self.write(group, begun_at, &mut answers);
        let written_at = Instant::now();
        let members = answers.len();
        answers.iter_mut().filter_map(Answer::stages).for_each(|stages| stages.commit(members));
        let result = written.and_then(|()| self.end_transaction());
        answers.iter_mut().filter_map(Answer::stages).for_each(Stages::end);
        let effort = Effort {
            attempts: 1,
            group: answers.len() as u32,
            queued: Duration::ZERO,
            transaction: written_at - begun_at,
            commit: written_at.elapsed(),
        };
        match result {
            Ok(()) => self.ledger.committed(),
            Err(ref error) => self.recover(error),
        }
        // Without anyone to deliver, nobody waits any more either.
        let _ = ended.send(Ended { answers, result, begun_at, effort });
    }

    /// Writes the group's changes in a transaction that is still open afterwards. Every member has an
    /// answer then, whatever fails.
    fn write(
        &mut self,
        group: Vec<Job>,
        begun_at: Instant,
        answers: &mut Vec<Answer>,
    ) -> std::result::Result<(), GroupError> {
        let mut group = group.into_iter();
        let written = self.begin().and_then(|()| self.write_each(&mut group, begun_at, answers));
        written.map_err(|error| {
            // Those who had no turn share the failure.
            let cause = cause_of(error);
            let error = StoreError::Unavailable(Arc::clone(&cause));
            answers.extend(group.filter_map(|job| job.answered(&error)));
            GroupError::Undone(cause)
        })
    }

    /// Answers one after another until one fails in a way that gives up the whole group.
    fn write_each(
        &mut self,
        group: &mut impl Iterator<Item = Job>,
        begun_at: Instant,
        answers: &mut Vec<Answer>,
    ) -> Result<()> {
        let Self { connection, ledger, .. } = self;
        let mut append = Append::new(connection)?;
        let now = rows::now();
        for job in group {
            let answer = match job {
                Job::Purchase(job) if job.deadline < begun_at => {
                    Answer::Purchase(job, Err(StoreError::Overloaded))
                }
                Job::Purchase(mut job) => {
                    job.stages.transaction();
                    let made = ledger.purchase_tickets(connection, &mut append, &job.purchase, now);
                    Answer::Purchase(job, made)
                }
                Job::CreateAccount(account, reply) => {
                    Answer::CreateAccount(reply, accounts::create_account(connection, &account))
                }
                Job::Alone(_) | Job::Stop => continue,
            };
            let failure = answer.group_failure();
            answers.push(answer);
            if let Some(cause) = failure {
                return Err(StoreError::Unavailable(cause));
            }
        }
        Ok(ledger.settle_some(connection)?)
    }

    /// Begins the transaction and takes in what other processes have committed before it.
    fn begin(&mut self) -> Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let commits: i64 =
            self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.data_version.is_some_and(|before| before.commits == commits) {
            return Ok(());
        }
        let marks = Marks::read(&self.connection)?;
        match self.data_version {
            Some(before) if before.generation == marks.generation => {
                self.ledger.catch_up(&self.connection)?
            }
            _ => self.ledger.reload(&self.connection, marks)?,
        }
        self.data_version = Some(DataVersion { commits, generation: marks.generation });
        Ok(())
    }

    fn end_transaction(&self) -> std::result::Result<(), GroupError> {
        // An error in a statement may have ended the transaction; what came after it would then have
        // been committed alone.
        if self.connection.is_autocommit() {
            return Err(GroupError::Unknown(Arc::new(rusqlite::Error::InvalidQuery)));
        }
        let committed = self.connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        match committed {
            Ok(_) => Ok(()),
            Err(error) if commit_is_undone(&error) => Err(GroupError::Undone(Arc::new(error))),
            Err(error) => Err(GroupError::Unknown(Arc::new(error))),
        }
    }

    /// After a group that was not committed: no transaction is open and nothing is kept in memory, or
    /// the writer ends.
    fn recover(&mut self, error: &GroupError) {
        self.data_version = None;
        let why = match error {
            GroupError::Undone(error) => {
                tracing::error!(%error, "a group of purchases was rolled back");
                if self.connection.is_autocommit() {
                    return;
                }
                match self.connection.execute_batch("ROLLBACK") {
                    Ok(()) => return,
                    Err(error) => format!("a rollback failed: {error}"),
                }
            }
            GroupError::Unknown(error) => format!("a commit failed: {error}"),
        };
        tracing::error!(why, "the store stops");
        self.broken.send_replace(Some(why));
    }
}
