//! Bounds what one message costs the pages that show it.
//!
//! Elements cost a browser more than the letters in them: thousands in one message stop every reader's page
//! for as long as it takes to lay them out.

use std::cell::Cell;

use super::{Block, ListItem, MAX_DEPTH, MentionMatcher, Span, blocks};

/// The most elements that a message is shown with. Its further lines are shown as they were typed.
pub const MAX_ELEMENTS: usize = 500;

/// The most `@` of a message that are compared with the names of people; further ones are text.
pub const MAX_MENTIONS: usize = 200;

/// Parses as many of the lines as there are elements for, and keeps the rest as text.
pub(super) fn parse_within_limits(lines: &[&str], known: MentionMatcher<'_>) -> Vec<Block> {
    let mut parsed = lines.len();
    loop {
        let left = Cell::new(MAX_MENTIONS);
        let known = |after: &str| match left.get() {
            0 => 0,
            more => {
                left.set(more - 1);
                known(after)
            }
        };
        let mut parsed_blocks = blocks::parse(lines[..parsed].to_vec(), MAX_DEPTH, &known);
        let elements = count_in_blocks(&parsed_blocks);
        if elements <= MAX_ELEMENTS {
            let rest = lines[parsed..].join("\n");
            if !rest.trim().is_empty() {
                parsed_blocks.push(Block::Text(vec![Span::Text(rest)]));
            }
            return parsed_blocks;
        }
        // If the lines are alike, one more attempt is enough. If they are not, the quarter bounds the work.
        parsed = (parsed * MAX_ELEMENTS / elements).min(parsed * 3 / 4);
    }
}

/// Counts the elements that the page makes of the blocks.
fn count_in_blocks(blocks: &[Block]) -> usize {
    let count = |block: &Block| match block {
        Block::Text(spans) => 1 + count_in_spans(spans),
        // With a frame and a button.
        Block::Code { .. } => 4,
        Block::Quote(inner) => 1 + count_in_blocks(inner),
        Block::List(items) => 1 + items.iter().map(count_in_item).sum::<usize>(),
    };
    blocks.iter().map(count).sum()
}

fn count_in_item(item: &ListItem) -> usize {
    1 + count_in_spans(&item.text) + count_in_blocks(&item.children)
}

fn count_in_spans(spans: &[Span]) -> usize {
    let count = |span: &Span| match span {
        Span::Text(_) => 0,
        Span::Code(_) | Span::Mention(_) => 1,
        // With the host that it opens.
        Span::Link { .. } => 2,
        Span::Styled(_, inner) => 1 + count_in_spans(inner),
    };
    spans.iter().map(count).sum()
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{
        super::{mentions, parse},
        *,
    };

    #[test]
    fn no_message_is_shown_with_more_than_five_hundred_elements() {
        let first_line = format!("{}\n{}", "*a* ".repeat(600), "b\n".repeat(700));
        assert_eq!(parse(&first_line, &|_| 0), [Block::Text(vec![Span::Text(first_line.clone())])]);
        for part in [
            "*a*\n",
            "`a` *b* _c_\n",
            "http://a [b](http://c)\n",
            "- a\n  - b\n    - c\n",
            "1. a\n- b\n",
            "> a\n\nb\n",
            "> > > > a\nb\n",
            "```a```\n",
            "*a* ",
            "- *a* `b`\n- @지은\n",
        ] {
            let text = part.repeat(4_000 / part.len());
            let lines: Vec<&str> = text.split('\n').collect();
            let parsed = parse(&text, &|_| 0);
            let elements = count_in_blocks(&parsed);
            assert!(elements <= MAX_ELEMENTS + 1, "{part:?} has {elements}");
            assert!(elements > MAX_ELEMENTS / 2 || lines.len() <= 2, "{part:?} has only {elements}");
            if let Some(Block::Text(rest)) = parsed.last() {
                let [Span::Text(rest)] = &rest[..] else { panic!("{part:?} ends with {rest:?}") };
                assert!(text.ends_with(rest.as_str()), "{part:?}");
            }
        }
    }

    #[test]
    fn a_message_with_few_elements_is_shown_whole() {
        let list = "- *a* `b`\n".repeat(160);
        assert!(matches!(&parse(&list, &|_| 0)[..], [Block::List(items)] if items.len() == 160));
    }

    #[test]
    fn a_name_is_sought_behind_the_first_two_hundred_signs_only() {
        let compared = Cell::new(0);
        let known = |_: &str| {
            compared.set(compared.get() + 1);
            0
        };
        parse(&"@ ".repeat(2_000), &known);
        assert_eq!(compared.get(), MAX_MENTIONS);
        assert!(mentions(&format!("{}@지은", "@a ".repeat(199)), "지은"));
        assert!(!mentions(&format!("{}@지은", "@a ".repeat(200)), "지은"));
    }
}
