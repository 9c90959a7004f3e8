//! Statements about many rows, which are split because a statement can bind only so many values.

/// Most values that one statement can bind: 32,766 on SQLite, 65,535 on PostgreSQL.
const VALUES_MAX: usize = 32_766;

/// Most columns of a table.
const COLUMNS_MAX: usize = 64;

/// Rows that one statement inserts, or ids that one statement looks for.
pub const ROWS_MAX: usize = 500;

const _: () = assert!(ROWS_MAX * COLUMNS_MAX <= VALUES_MAX, "a full batch of the widest rows fits in one statement");

/// Inserts rows, [`ROWS_MAX`] with each statement.
macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr) => {
        for batch in $rows.chunks($crate::database::ROWS_MAX) {
            let insert = diesel::insert_into($table).values(batch);
            $crate::database::on_backend!(&mut *$connection, inner => diesel::RunQueryDsl::execute(insert, inner))?;
        }
    };
}
pub(crate) use insert_all;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_table_has_more_columns_than_a_batch_allows_for() {
        let tables = include_str!("schema.rs").split("\ntable! {").skip(1);
        let columns = |table: &str| table.split("\n}").next().unwrap().matches(" -> ").count();
        let widths: Vec<usize> = tables.map(columns).collect();
        assert!(!widths.is_empty() && widths.iter().all(|width| (1..=COLUMNS_MAX).contains(width)), "{widths:?}");
    }
}
