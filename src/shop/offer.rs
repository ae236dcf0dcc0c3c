//! Finding something to buy among all that is on sale, as a buyer without a wish would.

use std::collections::HashSet;

use jiff::civil::Date;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};

use super::{CategoryDetails, EventDetails, Paging, Shop};
use crate::model::{CategoryId, EventId, Quantity};
use crate::store::{Result, StoreError};

/// Days that are looked at for an event on sale.
const DAYS_MAX: usize = 4_000;
/// Multi-events that are looked at on one day.
const MULTI_EVENTS_MAX: usize = 2_500;
/// Events that are looked at in all.
const EVENTS_MAX: usize = 10_000;

/// Something that can be bought now.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The event.
    pub event: EventDetails,
    /// One of its categories, with enough seats left.
    pub category: CategoryDetails,
}

impl Shop {
    /// Chooses at random what has `quantity` seats left: among all that is on sale, within this event,
    /// in this category. `None` where there is nothing.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an event that was named and does not exist.
    pub async fn find_offer(
        &self,
        event: Option<EventId>,
        category: Option<CategoryId>,
        quantity: Quantity,
    ) -> Result<Option<Offer>> {
        let rng = &mut SmallRng::from_rng(&mut rand::rng());
        if let Some(event) = event {
            return Ok(offer_of(self.event(event).await?, category, quantity, rng));
        }
        let (mut seen, mut looked_at) = (HashSet::new(), 0);
        for day in self.days(rng).await? {
            let page = self.multi_events(Some(day), Paging::RandomWindow, MULTI_EVENTS_MAX).await?;
            let mut multi_events = page.multi_events;
            multi_events.shuffle(rng);
            // All events of one are looked at, also of other days: once is enough.
            for multi_event in multi_events.iter().filter(|found| seen.insert(found.id)) {
                let mut events = self.events(multi_event.id).await?.to_vec();
                events.shuffle(rng);
                for event in events {
                    let offer = offer_of(self.event(event.id).await?, category, quantity, rng);
                    looked_at += 1;
                    if offer.is_some() || looked_at == EVENTS_MAX {
                        return Ok(offer);
                    }
                }
            }
        }
        Ok(None)
    }

    /// The days on which there may be events, in random order.
    async fn days(&self, rng: &mut impl Rng) -> Result<Vec<Date>> {
        let range = match self.events_dates_range().await {
            Err(StoreError::NotFound(_)) => return Ok(Vec::new()),
            range => range?,
        };
        let days = range.from.series(jiff::Span::new().days(1));
        let mut days: Vec<_> = days.take_while(|&day| day <= range.to).collect();
        days.shuffle(rng);
        days.truncate(DAYS_MAX);
        Ok(days)
    }

    /// This category of the event, whatever is left of it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn offer(&self, event: EventId, category: CategoryId) -> Result<Offer> {
        let event = self.event(event).await?;
        let found = event.categories.iter().find(|details| details.id == category).cloned();
        let category = found.ok_or(StoreError::NotFound(crate::store::Entity::Category))?;
        Ok(Offer { event, category })
    }
}

fn offer_of(
    event: EventDetails,
    category: Option<CategoryId>,
    quantity: Quantity,
    rng: &mut impl Rng,
) -> Option<Offer> {
    if !event.facts.is_on_sale(jiff::Timestamp::now()) {
        return None;
    }
    let fits = |details: &&CategoryDetails| {
        details.seats_available >= quantity.get() && category.is_none_or(|category| category == details.id)
    };
    let fitting: Vec<_> = event.categories.iter().filter(fits).collect();
    let category = (*fitting.choose(rng)?).clone();
    Some(Offer { event, category })
}
