//! The Markdown that goes into docs/benchmarks.md: a row for each measurement, a column for each server or
//! for each value of a transport; each cell is the median of its rounds.

use std::{collections::BTreeMap, fmt};

use crate::measure::{Measurement, Value};

pub(crate) struct Table<C> {
    columns: Vec<C>,
    rows: Vec<String>,
    cells: BTreeMap<(String, C), Vec<Value>>,
}

impl<C: Copy + Ord + fmt::Display> Table<C> {
    pub(crate) fn new(columns: &[C]) -> Table<C> {
        Table { columns: columns.to_vec(), rows: Vec::new(), cells: BTreeMap::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn add(&mut self, column: C, measurement: Measurement) {
        if !self.rows.contains(&measurement.label) {
            self.rows.push(measurement.label.clone());
        }
        self.cells.entry((measurement.label, column)).or_default().push(measurement.value);
    }

    fn cell(&self, row: &str, column: C) -> String {
        let rounds = self.cells.get(&(row.to_owned(), column)).cloned().unwrap_or_default();
        Value::median(rounds).map_or_else(|| "–".to_owned(), |value| value.to_string())
    }
}

impl<C: Copy + Ord + fmt::Display> fmt::Display for Table<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "|  |")?;
        for column in &self.columns {
            write!(f, " {column} |")?;
        }
        writeln!(f, "\n| --- |{}", " ---: |".repeat(self.columns.len()))?;
        for row in &self.rows {
            write!(f, "| {row} |")?;
            for column in &self.columns {
                write!(f, " {} |", self.cell(row, *column))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::peer::Peer;

    #[test]
    fn each_cell_is_the_median_of_its_rounds_and_a_dash_where_nothing_was_measured() {
        let mut table = Table::new(&Peer::ALL);
        for millis in [9, 1, 2] {
            table.add(Peer::Node, Measurement::time("a pause", Duration::from_millis(millis)));
        }
        assert_eq!(table.to_string().lines().last(), Some("| a pause | – | 2.0 ms | – | – |"));
    }
}
