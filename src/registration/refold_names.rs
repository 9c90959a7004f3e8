//! Folds the names that an older version folded in another way, or not at all.
//!
//! A migration empties these folded names, because SQL cannot fold; an empty folded name marks work to do. So the work
//! continues after an interruption, and several processes may do it at once.

use super::{model::name_folded, rows};
use crate::{
    agenda,
    database::{Connection, Database, DatabaseError},
    ids::{ConferenceId, RegistrationId},
};

/// Names in one transaction.
const BATCH_MAX: i64 = 500;

/// Folds every name of the store that is not folded; returns how many.
///
/// # Errors
/// The store fails; names that were folded before that stay folded.
pub async fn fold(database: &Database) -> Result<usize, DatabaseError> {
    let mut count = 0;
    for conference in database.read(agenda::actions::list).await? {
        let mut last = None;
        loop {
            let work = move |tx: &mut Connection| fold_batch(tx, conference.id, last);
            let Some((last_id, folded)) = database.write("fold names", work).await? else { break };
            last = Some(last_id);
            count += folded;
        }
    }
    Ok(count)
}

/// Folds a batch of names of a conference, after the registration `last` in the order of ids; returns the last id, and
/// how many names were folded.
fn fold_batch(
    connection: &mut Connection,
    conference: ConferenceId,
    last: Option<RegistrationId>,
) -> Result<Option<(RegistrationId, usize)>, DatabaseError> {
    let rows = rows::find_unfolded(connection, conference, last, BATCH_MAX)?;
    let mut folded = 0;
    for (id, person) in &rows {
        folded += rows::fold_name(connection, *id, &name_folded(person.person_name()))?;
    }
    Ok(rows.last().map(|(id, ..)| (*id, folded)))
}
