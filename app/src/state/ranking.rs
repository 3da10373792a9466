//! What was found, the best first. Of what is equally good, the first stays the first.
//!
//! Whoever picks one of many looks at a few of them: only those are kept, so that finding takes
//! time in proportion to what is looked through. Used wherever the page puts something in order:
//! one way of sorting weighs less than the library's for every type.

pub(crate) struct Ranking<R, T> {
    most: usize,
    found: Vec<(R, T)>,
}

impl<R: PartialOrd, T> Ranking<R, T> {
    /// Keeps the best, and so many of them.
    pub(crate) fn of(most: usize) -> Ranking<R, T> {
        Ranking { most, found: Vec::new() }
    }

    /// The lowest rank is the best.
    pub(crate) fn add(&mut self, rank: R, item: T) {
        let place = self.found.partition_point(|(there, _)| *there <= rank);
        if place < self.most {
            self.found.truncate(self.most - 1);
            self.found.insert(place, (rank, item));
        }
    }

    /// What is kept, in the order of its ranks.
    pub(crate) fn items(&self) -> impl Iterator<Item = &T> {
        self.found.iter().map(|(_, item)| item)
    }

    pub(crate) fn into_items(self) -> impl Iterator<Item = T> {
        self.found.into_iter().map(|(_, item)| item)
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_the_best_are_kept_in_order(ranks in prop::collection::vec(0_u8..6, 0..40), most in 1_usize..12) {
            let mut ranking = Ranking::of(most);
            for (place, rank) in ranks.iter().enumerate() {
                ranking.add(rank, place);
            }
            let mut sorted: Vec<usize> = (0..ranks.len()).collect();
            sorted.sort_by_key(|place| ranks[*place]);
            sorted.truncate(most);
            prop_assert_eq!(ranking.into_items().collect::<Vec<_>>(), sorted);
        }
    }
}
