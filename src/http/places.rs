//! Places that are limited in all and for each client, such as connections and listeners.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    All,
    /// The client has as many as one client may have.
    Client,
}

/// Counts the places that are taken. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Places(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    of_clients: HashMap<IpAddr, usize>,
}

/// A place that is taken; it is given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    client: Option<IpAddr>,
}

impl Places {
    /// Takes a place for a client; `None`: for one without a limit of its own.
    ///
    /// # Errors
    /// There is none.
    pub fn take(&self, client: Option<IpAddr>, count_max: usize, per_client_max: usize) -> Result<Place, Full> {
        let mut taken = self.lock();
        if taken.count >= count_max {
            return Err(Full::All);
        }
        if let Some(client) = client {
            let own = taken.of_clients.entry(client).or_default();
            if *own >= per_client_max {
                return Err(Full::Client);
            }
            *own += 1;
        }
        taken.count += 1;
        Ok(Place { places: self.clone(), client })
    }

    /// How many are taken.
    pub fn count(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
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
        let places = Places::default();
        let take = |client| places.take(client, 4, 2);
        let held = [take(one).unwrap(), take(one).unwrap()];
        assert_eq!(take(one).unwrap_err(), Full::Client);
        let more = [take(other).unwrap(), take(None).unwrap()];
        assert_eq!(take(None).unwrap_err(), Full::All);
        drop(held);
        assert_eq!((places.count(), places.lock().of_clients.len()), (2, 1), "no client is remembered without need");
        assert!(take(one).is_ok());
        drop(more);
        assert_eq!(places.count(), 0);
    }
}
