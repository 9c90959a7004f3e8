//! The sessions of a day as a table: a row for each time at which something begins or ends, a column for each room. A
//! room keeps its column whatever a filter leaves in it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use minijinja::{Value, context};

use super::page::value;
use crate::{
    agenda::model::utc,
    programme::views::{DayView, RoomView, SessionView},
};

/// Sessions that stand in one cell: one, or several that overlap in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Block {
    column: usize,
    columns: usize,
    first_row: usize,
    rows: usize,
    /// Places in the list of sessions.
    sessions: Vec<usize>,
}

/// When a session takes place, and in which column; `None`: in no room.
type Placed = (DateTime<Utc>, DateTime<Utc>, Option<usize>);

/// The blocks of a day. A session without a room spans all columns if nothing else is on meanwhile; otherwise it is in
/// the column `columns`, which follows those of the rooms.
fn blocks(placed: &[Placed], columns: usize) -> (Vec<DateTime<Utc>>, Vec<Block>) {
    let times: BTreeSet<DateTime<Utc>> = placed.iter().flat_map(|(start, end, _)| [*start, *end]).collect();
    let times: Vec<DateTime<Utc>> = times.into_iter().collect();
    let row_of = |time: &DateTime<Utc>| times.binary_search(time).unwrap_or(0);
    let mut blocks: Vec<Block> = Vec::new();
    for (place, (start, end, column)) in placed.iter().enumerate() {
        let is_alone = || {
            let others = placed.iter().enumerate().filter(|(other, _)| *other != place);
            others.into_iter().all(|(_, (other_start, other_end, _))| other_end <= start || end <= other_start)
        };
        let (column, columns) = match column {
            Some(column) => (*column, 1),
            None if is_alone() => (0, columns.max(1)),
            None => (columns, 1),
        };
        let (first_row, end_row) = (row_of(start), row_of(end).max(row_of(start) + 1));
        let overlapping = blocks.iter_mut().find(|block| {
            block.column == column
                && block.columns == columns
                && first_row < block.first_row + block.rows
                && block.first_row < end_row
        });
        match overlapping {
            // Sessions come in order of their start, so that a block only grows downwards.
            Some(block) => {
                block.rows = block.rows.max(end_row - block.first_row);
                block.sessions.push(place);
            }
            None => blocks.push(Block { column, columns, first_row, rows: end_row - first_row, sessions: vec![place] }),
        }
    }
    (times, blocks)
}

/// The table of a day. `whole_day` is the day without a filter: its rooms are the columns.
pub fn day_grid(day: &DayView, whole_day: &DayView, rooms: &[RoomView]) -> Value {
    let is_used = |room: &&RoomView| {
        whole_day.sessions.iter().any(|session| session.room.as_ref().is_some_and(|used| used.code == room.code))
    };
    let columns: Vec<&RoomView> = rooms.iter().filter(is_used).collect();
    let column_of = |session: &SessionView| {
        let room = session.room.as_ref()?;
        columns.iter().position(|column| column.code == room.code)
    };
    let placed: Vec<Placed> =
        day.sessions.iter().map(|session| (utc(session.starts_at), utc(session.ends_at), column_of(session))).collect();
    let (times, blocks) = blocks(&placed, columns.len());
    let has_roomless_column = blocks.iter().any(|block| block.column == columns.len() && !columns.is_empty());
    let width = columns.len().max(1) + usize::from(has_roomless_column);
    let rows = times.iter().enumerate().filter_map(|(row, time)| {
        let is_in_row = |block: &&Block| block.first_row <= row && row < block.first_row + block.rows;
        let in_row: Vec<&Block> = blocks.iter().filter(is_in_row).collect();
        // Nothing is on: the pause needs no row.
        if in_row.is_empty() {
            return None;
        }
        let mut cells: Vec<Value> = Vec::new();
        let mut column = 0;
        while column < width {
            let block = in_row.iter().find(|block| block.column <= column && column < block.column + block.columns);
            match block {
                Some(block) if block.first_row == row => {
                    let sessions = block.sessions.iter().filter_map(|place| day.sessions.get(*place));
                    let sessions: Vec<Value> = sessions.map(value).collect();
                    let columns = if block.columns > 1 { width } else { 1 };
                    cells.push(context! { sessions, rows => block.rows, columns });
                    column = if block.columns > 1 { width } else { column + 1 };
                }
                Some(block) => column = (block.column + block.columns).max(column + 1),
                None => {
                    cells.push(context! { sessions => Vec::<Value>::new(), rows => 1, columns => 1 });
                    column += 1;
                }
            }
        }
        let starts_at = day.sessions.iter().find(|session| utc(session.starts_at) == *time);
        Some(context! { starts_at => starts_at.map(|session| value(session.starts_at)), cells })
    });
    context! {
        date => value(day.date), title => value(&day.title), rows => rows.collect::<Vec<Value>>(),
        rooms => columns.iter().map(|room| value(*room)).collect::<Vec<Value>>(), has_roomless_column,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_room_keeps_its_column_and_what_is_in_no_room_spans_all_if_it_is_alone() {
        let at = |hour: i64| DateTime::UNIX_EPOCH + TimeDelta::hours(hour);
        let placed = [
            (at(9), at(10), Some(1)),
            (at(10), at(11), None),
            (at(11), at(14), Some(0)),
            (at(11), at(12), Some(1)),
            (at(12), at(13), None),
            (at(13), at(15), Some(0)),
        ];
        let (times, found) = blocks(&placed, 2);
        assert_eq!(times, [9, 10, 11, 12, 13, 14, 15].map(at));
        let block = |column, columns, first_row, rows, sessions: &[usize]| Block {
            column,
            columns,
            first_row,
            rows,
            sessions: sessions.to_vec(),
        };
        let expected = [
            block(1, 1, 0, 1, &[0]),
            block(0, 2, 1, 1, &[1]),
            block(0, 1, 2, 4, &[2, 5]),
            block(1, 1, 2, 1, &[3]),
            block(2, 1, 3, 1, &[4]),
        ];
        assert_eq!(found, expected);
    }
}
