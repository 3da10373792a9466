//! The best items of many, in order; equal ranks keep their insertion order.
//!
//! Only the first `limit` items are kept, so that a search takes linear time. Used for all sorting
//! in the page, because one sort routine is smaller than the library's for every type.

pub(crate) struct TopN<R, T> {
    limit: usize,
    ranked: Vec<(R, T)>,
}

impl<R: PartialOrd, T> TopN<R, T> {
    /// Keeps the best `limit` items.
    pub(crate) fn new(limit: usize) -> TopN<R, T> {
        TopN { limit, ranked: Vec::new() }
    }

    /// Adds an item; the lowest rank is the best.
    pub(crate) fn add(&mut self, rank: R, item: T) {
        let index = self.ranked.partition_point(|(existing, _)| *existing <= rank);
        if index < self.limit {
            self.ranked.truncate(self.limit - 1);
            self.ranked.insert(index, (rank, item));
        }
    }

    /// Returns the kept items, the best first.
    pub(crate) fn items(&self) -> impl Iterator<Item = &T> {
        self.ranked.iter().map(|(_, item)| item)
    }

    pub(crate) fn into_items(self) -> impl Iterator<Item = T> {
        self.ranked.into_iter().map(|(_, item)| item)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_the_best_are_kept_in_order(ranks in prop::collection::vec(0_u8..6, 0..40), limit in 1_usize..12) {
            let mut top = TopN::new(limit);
            for (index, rank) in ranks.iter().enumerate() {
                top.add(rank, index);
            }
            let mut sorted: Vec<usize> = (0..ranks.len()).collect();
            sorted.sort_by_key(|index| ranks[*index]);
            sorted.truncate(limit);
            prop_assert_eq!(top.into_items().collect::<Vec<_>>(), sorted);
        }
    }
}
