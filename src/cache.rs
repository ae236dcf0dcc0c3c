//! A cache that asks at most once at a time for each key.

use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cached::{Cached, Expires, ExpiringLruCache};
use tokio::sync::OnceCell;

/// How a cache of look-ups is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Most entries that are kept of each kind; 0 keeps none.
    pub size: usize,
    /// How long each is kept, give or take an eighth; 0 keeps none.
    pub expiration: Duration,
}

/// Keeps answers for a while. An entry is made before its answer is there, so that callers at once
/// wait for one answer, and its age counts from then: it is never older than its expiry says. Errors
/// are not kept; the next caller asks again.
pub(crate) struct FlightCache<K, V> {
    /// `None` where nothing is to be kept.
    entries: Option<Mutex<ExpiringLruCache<K, Entry<V>>>>,
    expiration: Duration,
    asked: AtomicU64,
    misses: AtomicU64,
}

/// What a cache was asked since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheCounts {
    /// Questions that it could answer itself, or whose answer was on its way already.
    pub hits: u64,
    /// Questions that it had to pass on.
    pub misses: u64,
}

struct Entry<V> {
    expires_at: Instant,
    answer: Arc<OnceCell<Arc<V>>>,
}

impl<V> Expires for Entry<V> {
    fn is_expired(&self) -> bool {
        Instant::now() >= self.expires_at
    }
}

impl<K: Hash + Eq + Clone, V> FlightCache<K, V> {
    pub(crate) fn new(settings: CacheSettings) -> Self {
        let entries = (settings.size > 0 && !settings.expiration.is_zero())
            .then(|| Mutex::new(ExpiringLruCache::new(settings.size)));
        Self { entries, expiration: settings.expiration, asked: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The answer for `key`: what is kept, or what `ask` answers.
    pub(crate) async fn get<E, F: Future<Output = Result<V, E>>>(
        &self,
        key: K,
        ask: impl FnOnce() -> F,
    ) -> Result<Arc<V>, E> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let ask = async || {
            self.misses.fetch_add(1, Ordering::Relaxed);
            ask().await.map(Arc::new)
        };
        let Some(entries) = &self.entries else {
            return ask().await;
        };
        let answer = {
            let mut entries = entries.lock().unwrap_or_else(PoisonError::into_inner);
            let entry = entries.cache_get_or_set_with(key, || Entry {
                expires_at: Instant::now() + jittered(self.expiration),
                answer: Arc::default(),
            });
            Arc::clone(&entry.answer)
        };
        answer.get_or_try_init(ask).await.cloned()
    }

    /// What it was asked so far.
    pub(crate) fn counts(&self) -> CacheCounts {
        let misses = self.misses.load(Ordering::Relaxed);
        CacheCounts { hits: self.asked.load(Ordering::Relaxed).saturating_sub(misses), misses }
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        if let Some(entries) = &self.entries {
            entries.lock().unwrap_or_else(PoisonError::into_inner).cache_clear();
        }
    }
}

/// Between 7/8 and 9/8 of `time`, so that what was cached together does not expire together.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.875 + 0.25 * rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn cache(size: usize, expiration_ms: u64) -> FlightCache<u32, u32> {
        FlightCache::new(CacheSettings { size, expiration: Duration::from_millis(expiration_ms) })
    }

    /// Asks for `key` and counts how often the answer had to be made.
    async fn ask(cache: &FlightCache<u32, u32>, key: u32, asked: &AtomicU32) -> u32 {
        let answer = cache.get(key, || async {
            tokio::task::yield_now().await;
            Ok::<_, &str>(asked.fetch_add(1, Ordering::Relaxed))
        });
        *answer.await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_is_kept_until_it_expires() {
        let (cache, asked) = (cache(10, 400), AtomicU32::new(0));
        assert_eq!((ask(&cache, 1, &asked).await, ask(&cache, 1, &asked).await), (0, 0));
        assert_eq!(cache.counts(), CacheCounts { hits: 1, misses: 1 });
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(ask(&cache, 1, &asked).await, 1);
    }

    #[tokio::test]
    async fn size_or_expiry_zero_turns_it_off() {
        for cache in [cache(0, 1_000), cache(10, 0)] {
            let asked = AtomicU32::new(0);
            assert_eq!((ask(&cache, 1, &asked).await, ask(&cache, 1, &asked).await), (0, 1));
        }
    }

    #[tokio::test]
    async fn the_oldest_goes_when_it_is_full() {
        let (cache, asked) = (cache(2, 60_000), AtomicU32::new(0));
        for key in [1, 2, 3] {
            ask(&cache, key, &asked).await;
        }
        assert_eq!(ask(&cache, 3, &asked).await, 2);
        assert_eq!(ask(&cache, 1, &asked).await, 3);
    }

    #[tokio::test]
    async fn callers_at_once_wait_for_one_answer() {
        let (cache, asked) = (cache(10, 60_000), AtomicU32::new(0));
        let answers = (0..100).map(|_| ask(&cache, 7, &asked));
        let answers = futures_util::future::join_all(answers).await;
        assert!(answers.iter().all(|&answer| answer == 0));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn errors_are_not_kept() {
        let (cache, asked) = (cache(10, 60_000), AtomicU32::new(0));
        assert!(cache.get(1, || async { Err("no answer") }).await.is_err());
        assert_eq!(ask(&cache, 1, &asked).await, 0);
    }
}
