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
pub struct Slots(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    of_clients: HashMap<IpAddr, usize>,
}

/// A place in use; it becomes free when this is dropped.
#[derive(Debug)]
pub struct Slot {
    places: Slots,
    client: Option<IpAddr>,
}

impl Slots {
    /// Takes a place for a client, or (`None`) for a client that has no limit.
    ///
    /// # Errors
    /// There is no free place.
    pub fn take(&self, client: Option<IpAddr>, count_max: usize, per_client_max: usize) -> Result<Slot, LimitReached> {
        let mut taken = self.lock();
        if taken.count >= count_max {
            return Err(LimitReached::All);
        }
        if let Some(client) = client {
            let own = taken.of_clients.entry(client).or_default();
            if *own >= per_client_max {
                return Err(LimitReached::Client);
            }
            *own += 1;
        }
        taken.count += 1;
        Ok(Slot { places: self.clone(), client })
    }

    pub fn count(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.count -= 1;
        let Some(client) = self.client else {
            return;
        };
        if let Some(own) = taken.of_clients.get_mut(&client) {
            *own -= 1;
            if *own == 0 {
                taken.of_clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_for_each_client_and_come_back() {
        let (one, other) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        let places = Slots::default();
        let take = |client| places.take(client, 4, 2);
        let held = [take(one).unwrap(), take(one).unwrap()];
        assert_eq!(take(one).unwrap_err(), LimitReached::Client);
        let more = [take(other).unwrap(), take(None).unwrap()];
        assert_eq!(take(None).unwrap_err(), LimitReached::All);
        drop(held);
        assert_eq!((places.count(), places.lock().of_clients.len()), (2, 1), "no client is remembered without need");
        assert!(take(one).is_ok());
        drop(more);
        assert_eq!(places.count(), 0);
    }
}
