//! The Markdown that goes into docs/benchmarks.md: one row for each measure, one column for each
//! server, each cell the median of its rounds.

use std::{collections::BTreeMap, fmt};

use crate::{
    measure::{Figure, Measure},
    peer::Peer,
};

#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<String>,
    cells: BTreeMap<(String, Peer), Vec<Figure>>,
}

impl Table {
    pub(crate) fn add(&mut self, peer: Peer, measure: Measure) {
        if !self.rows.contains(&measure.what) {
            self.rows.push(measure.what.clone());
        }
        self.cells.entry((measure.what, peer)).or_default().push(measure.figure);
    }

    fn cell(&self, row: &str, peer: Peer) -> String {
        let rounds = self.cells.get(&(row.to_owned(), peer)).cloned().unwrap_or_default();
        Figure::median(rounds).map_or_else(|| "–".to_owned(), |figure| figure.to_string())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "|  |")?;
        for peer in Peer::ALL {
            write!(f, " {peer} |")?;
        }
        writeln!(f, "\n| --- |{}", " ---: |".repeat(Peer::ALL.len()))?;
        for row in &self.rows {
            write!(f, "| {row} |")?;
            for peer in Peer::ALL {
                write!(f, " {} |", self.cell(row, peer))?;
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

    #[test]
    fn each_cell_is_the_median_of_its_rounds_and_a_dash_where_nothing_was_measured() {
        let mut table = Table::default();
        for millis in [9, 1, 2] {
            table.add(Peer::Node, Measure::time("a pause", Duration::from_millis(millis)));
        }
        assert_eq!(table.to_string().lines().last(), Some("| a pause | – | 2.0 ms | – | – |"));
    }
}
