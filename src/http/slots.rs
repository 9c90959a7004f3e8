//! Counted places with a limit for all clients and one for each, such as connections and listeners.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Why there is no free place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitReached {
    /// The limit for all clients is reached.
    All,
    /// The limit for each client is reached.
    Client,
}

/// The places in use. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Slots(Arc<Mutex<SlotCounts>>);

#[derive(Debug, Default)]
struct SlotCounts {
    count: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A place in use; it becomes free when this is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    client: Option<IpAddr>,
}

impl Slots {
    /// Takes a place for a client, or (`None`) for a client that has no limit.
    ///
    /// # Errors
    /// There is no free place.
    pub fn acquire(
        &self,
        client: Option<IpAddr>,
        count_max: usize,
        per_client_max: usize,
    ) -> Result<Slot, LimitReached> {
        let mut counts = self.lock();
        if counts.count >= count_max {
            return Err(LimitReached::All);
        }
        if let Some(client) = client {
            let client_count = counts.by_client.entry(client).or_default();
            if *client_count >= per_client_max {
                return Err(LimitReached::Client);
            }
            *client_count += 1;
        }
        counts.count += 1;
        Ok(Slot { slots: self.clone(), client })
    }

    pub fn count(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, SlotCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.slots.lock();
        counts.count -= 1;
        let Some(client) = self.client else {
            return;
        };
        if let Some(client_count) = counts.by_client.get_mut(&client) {
            *client_count -= 1;
            if *client_count == 0 {
                counts.by_client.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_limited_in_total_and_per_client_and_freed_on_drop() {
        let (one, other) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        let slots = Slots::default();
        let acquire = |client| slots.acquire(client, 4, 2);
        let first_slots = [acquire(one).unwrap(), acquire(one).unwrap()];
        assert_eq!(acquire(one).unwrap_err(), LimitReached::Client);
        let other_slots = [acquire(other).unwrap(), acquire(None).unwrap()];
        assert_eq!(acquire(None).unwrap_err(), LimitReached::All);
        drop(first_slots);
        assert_eq!((slots.count(), slots.lock().by_client.len()), (2, 1), "no client is remembered without need");
        assert!(acquire(one).is_ok());
        drop(other_slots);
        assert_eq!(slots.count(), 0);
    }
}
