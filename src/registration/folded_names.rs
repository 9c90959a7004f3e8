//! Names that an older version folded otherwise, or not at all, folded as they are compared and sorted now.
//!
//! A migration empties them, as SQL cannot fold; an empty folded name is the mark that this is still to be done. So it
//! goes on where it was interrupted, and several processes may do it at once.

use super::{model::name_folded, store};
use crate::{
    agenda,
    database::{Connection, Database, DatabaseError},
    ids::{ConferenceId, RegistrationId},
};

/// Names in one transaction.
const BATCH: i64 = 500;

/// Folds every name of the store that is not folded; answers how many.
///
/// # Errors
/// The store fails; what was folded by then stays.
pub async fn fold(database: &Database) -> Result<usize, DatabaseError> {
    let mut count = 0;
    for place in database.read(agenda::actions::list).await? {
        let mut last = None;
        loop {
            let work = move |tx: &mut Connection| fold_some(tx, place.id, last);
            let Some((to, folded)) = database.write("fold names", work).await? else { break };
            last = Some(to);
            count += folded;
        }
    }
    Ok(count)
}

/// Folds some names of a conference, of registrations after one of them in the order of ids; answers the last, and how
/// many were folded.
fn fold_some(
    connection: &mut Connection,
    conference: ConferenceId,
    last: Option<RegistrationId>,
) -> Result<Option<(RegistrationId, usize)>, DatabaseError> {
    let rows = store::unfolded(connection, conference, last, BATCH)?;
    let mut folded = 0;
    for (id, family_name, given_name) in &rows {
        folded += store::fold_name(connection, *id, &name_folded(family_name, given_name))?;
    }
    Ok(rows.last().map(|(id, ..)| (*id, folded)))
}
