//! Renders the conversation with the line being typed below it.
//!
//! Lines of the conversation are printed once and scroll away. Below them is the prompt: messages on
//! their way, a label and the text being typed. Printing erases the prompt, writes the lines and
//! draws the prompt again in one write, so no line is ever torn. Does no I/O: it returns the output as text.

use std::fmt::Write;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The most messages on their way that are shown.
const MAX_SHOWN_PENDING: usize = 5;
/// How a tab in the text being typed is drawn.
const TAB: &str = "    ";

/// The lower part of the screen.
pub(super) struct Prompt<'a> {
    /// Messages on their way, one row each.
    pub(super) pending: Vec<String>,
    /// Text before the input, such as `name> `.
    pub(super) label: String,
    pub(super) text: &'a str,
    /// In bytes of `text`.
    pub(super) cursor: usize,
}

/// The size of the terminal, and where the prompt was drawn last.
pub(super) struct Screen {
    columns: usize,
    rows: usize,
    /// The widths of the prompt's rows above the cursor.
    widths_above: Vec<usize>,
    cursor_column: usize,
}

impl Screen {
    pub(super) fn new(columns: u16, rows: u16) -> Screen {
        let mut screen = Screen { columns: 0, rows: 0, widths_above: Vec::new(), cursor_column: 0 };
        screen.resize(columns, rows);
        screen
    }

    /// Sets the size of the terminal; 80 × 24 if it reports none.
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        let or = |size: u16, default: usize| if size == 0 { default } else { usize::from(size) };
        self.columns = or(columns, 80).max(2);
        self.rows = or(rows, 24).max(2);
    }

    /// Returns the output that prints lines above the prompt and draws the prompt.
    pub(super) fn print(&mut self, lines: &[String], prompt: &Prompt) -> String {
        let mut out = self.clear();
        for line in lines {
            let _ = write!(out, "{line}\r\n");
        }
        self.draw(prompt, &mut out);
        out
    }

    /// Returns the output that erases the prompt.
    pub(super) fn clear(&mut self) -> String {
        // A terminal that has become narrower has wrapped the rows that were drawn before.
        let rows_of = |width: usize| width.saturating_sub(1) / self.columns + 1;
        let above =
            self.widths_above.drain(..).map(rows_of).sum::<usize>() + self.cursor_column / self.columns;
        self.cursor_column = 0;
        match above {
            0 => "\r\x1b[J".to_owned(),
            rows => format!("\r\x1b[{rows}A\x1b[J"),
        }
    }

    fn draw(&mut self, prompt: &Prompt, out: &mut String) {
        let mut rows: Vec<Row> = self.pending_rows(&prompt.pending);
        let (typed, cursor) = lay_out(prompt, self.columns);
        // Of a text with more rows than the screen, draws the part with the cursor.
        let available = (self.rows - 1).saturating_sub(rows.len()).max(1);
        let first = (cursor.row + 1).saturating_sub(available);
        let cursor_row = rows.len() + cursor.row - first;
        rows.extend(typed.into_iter().skip(first).take(available));
        let last = rows.len() - 1;
        let written: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        out.push_str(&written.join("\r\n"));
        if last > cursor_row {
            let _ = write!(out, "\x1b[{}A", last - cursor_row);
        }
        out.push('\r');
        if cursor.column > 0 {
            let _ = write!(out, "\x1b[{}C", cursor.column);
        }
        self.widths_above = rows.iter().take(cursor_row).map(|row| row.width).collect();
        self.cursor_column = cursor.column;
    }

    fn pending_rows(&self, pending: &[String]) -> Vec<Row> {
        let shown = pending.iter().take(MAX_SHOWN_PENDING.min(self.rows / 2)).cloned();
        let more = pending.len().saturating_sub(shown.len());
        let rest = (more > 0).then(|| format!("… and {more} more"));
        shown.chain(rest).map(|text| truncate(&text, self.columns)).collect()
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    text: String,
    width: usize,
}

impl Row {
    fn push(&mut self, text: &str, width: usize) {
        self.text.push_str(text);
        self.width += width;
    }
}

struct Cursor {
    row: usize,
    column: usize,
}

/// Wraps the label and the text into rows as a terminal does: a wide character that does not fit at
/// the end of a row begins the next one.
fn lay_out(prompt: &Prompt, columns: usize) -> (Vec<Row>, Cursor) {
    // Even the longest label leaves a third of the row for the text.
    let mut rows = vec![truncate(&prompt.label, columns * 2 / 3)];
    let mut cursor = Cursor { row: 0, column: rows[0].width };
    for (at, grapheme) in prompt.text.grapheme_indices(true) {
        let drawn = if grapheme == "\t" { TAB } else { grapheme };
        let width = if grapheme == "\n" { 0 } else { drawn.width() };
        if rows.last().is_some_and(|row| row.width + width > columns) {
            rows.push(Row::default());
        }
        if at == prompt.cursor {
            cursor = end_of(&rows);
        }
        match grapheme {
            "\n" => rows.push(Row::default()),
            _ => rows.last_mut().into_iter().for_each(|row| row.push(drawn, width)),
        }
    }
    if prompt.cursor >= prompt.text.len() {
        cursor = end_of(&rows);
    }
    if cursor.column >= columns {
        // A cursor cannot be placed after the last column.
        cursor = Cursor { row: cursor.row + 1, column: 0 };
        if cursor.row == rows.len() {
            rows.push(Row::default());
        }
    }
    (rows, cursor)
}

fn end_of(rows: &[Row]) -> Cursor {
    Cursor { row: rows.len() - 1, column: rows.last().map_or(0, |row| row.width) }
}

/// Truncates a text to one row. The text must not hold escape sequences.
fn truncate(text: &str, columns: usize) -> Row {
    let mut row = Row::default();
    for grapheme in text.graphemes(true) {
        let drawn = if matches!(grapheme, "\n" | "\t") { " " } else { grapheme };
        if row.width + drawn.width() > columns {
            break;
        }
        row.push(drawn, drawn.width());
    }
    row
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vt100::Parser;

    use super::*;

    fn terminal(columns: u16, rows: u16) -> Parser {
        Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 100)
    }

    /// A screen and the emulated terminal that shows it.
    struct Terminal {
        screen: Screen,
        terminal: Parser,
    }

    impl Terminal {
        fn new(columns: u16, rows: u16) -> Terminal {
            Terminal { screen: Screen::new(columns, rows), terminal: terminal(columns, rows) }
        }

        fn print(&mut self, lines: &[&str], text: &str, cursor: usize) {
            let lines: Vec<String> = lines.iter().copied().map(str::to_owned).collect();
            let prompt = Prompt { pending: Vec::new(), label: "> ".to_owned(), text, cursor };
            self.show(&lines, &prompt);
        }

        fn show(&mut self, lines: &[String], prompt: &Prompt) {
            self.terminal.process(self.screen.print(lines, prompt).as_bytes());
        }

        fn rows(&self) -> Vec<String> {
            let contents = self.terminal.screen().contents();
            contents.lines().map(|row| row.trim_end().to_owned()).collect()
        }

        fn cursor(&self) -> (u16, u16) {
            self.terminal.screen().cursor_position()
        }
    }

    #[test]
    fn an_incoming_line_does_not_tear_the_one_being_typed() {
        let mut terminal = Terminal::new(20, 6);
        terminal.print(&[], "안녕하세", "안녕하세".len());
        assert_eq!((terminal.rows(), terminal.cursor()), (vec!["> 안녕하세".to_owned()], (0, 10)));
        terminal.print(&["민수: 먼저!"], "안녕하세", "안녕".len());
        assert_eq!(terminal.rows(), ["민수: 먼저!", "> 안녕하세"]);
        assert_eq!(terminal.cursor(), (1, 6));
        terminal.print(&["민수: 그리고"], "", 0);
        assert_eq!(terminal.rows(), ["민수: 먼저!", "민수: 그리고", ">"]);
    }

    #[test]
    fn a_wide_character_that_does_not_fit_begins_the_next_row() {
        let mut terminal = Terminal::new(7, 6);
        terminal.print(&[], "가나다", "가나다".len());
        assert_eq!(terminal.rows(), ["> 가나", "다"]);
        assert_eq!(terminal.cursor(), (1, 2));
        terminal.print(&["x"], "가나다", "가나".len());
        assert_eq!(terminal.rows(), ["x", "> 가나", "다"]);
        assert_eq!(terminal.cursor(), (2, 0));
        terminal.print(&["y"], "가나", "가나".len());
        assert_eq!(terminal.rows(), ["x", "y", "> 가나"]);
    }

    #[test]
    fn a_full_row_leaves_the_cursor_at_the_beginning_of_the_next() {
        let mut terminal = Terminal::new(8, 6);
        for text in ["가나다", "가나", "가나다"] {
            terminal.print(&[], text, text.len());
        }
        assert_eq!(terminal.rows()[0], "> 가나다");
        assert_eq!(terminal.cursor(), (1, 0));
        terminal.print(&["x"], "가나다라", "가".len());
        assert_eq!(terminal.rows(), ["x", "> 가나다", "라"]);
        assert_eq!(terminal.cursor(), (1, 4));
    }

    #[test]
    fn line_breaks_begin_rows_and_a_tab_is_wide() {
        let mut terminal = Terminal::new(20, 6);
        terminal.print(&[], "하나\n\n\t둘", 0);
        assert_eq!(terminal.rows(), ["> 하나", "", "    둘"]);
        assert_eq!(terminal.cursor(), (0, 2));
        terminal.print(&["x"], "셋", 0);
        assert_eq!(terminal.rows(), ["x", "> 셋"]);
    }

    #[test]
    fn a_text_higher_than_the_screen_shows_the_part_with_the_cursor() {
        let mut terminal = Terminal::new(10, 4);
        let text = "가".repeat(40);
        terminal.print(&["first"], &text, text.len());
        assert_eq!(terminal.cursor().1, 2);
        terminal.print(&["second"], &text, 0);
        assert_eq!(terminal.rows(), ["second", "> 가가가가", "가가가가가", "가가가가가"]);
        assert_eq!(terminal.cursor(), (1, 2));
        terminal.print(&["third"], "", 0);
        assert_eq!(terminal.rows(), ["second", "third", ">"]);
    }

    #[test]
    fn pending_messages_are_shown_above_the_prompt_until_they_are_delivered() {
        let mut terminal = Terminal::new(12, 8);
        let prompt = |count: usize| Prompt {
            pending: (0..count).map(|number| format!("… {number} 아주 긴 말입니다")).collect(),
            label: "지은> ".to_owned(),
            text: "",
            cursor: 0,
        };
        terminal.show(&[], &prompt(6));
        assert_eq!(terminal.rows().len(), 6);
        assert_eq!(terminal.rows()[0], "… 0 아주 긴");
        assert_eq!(terminal.rows()[4], "… and 2 more");
        assert_eq!(terminal.cursor(), (5, 6));
        terminal.show(&["지은: 말".to_owned()], &prompt(0));
        assert_eq!(terminal.rows(), ["지은: 말", "지은>"]);
    }

    #[test]
    fn a_terminal_that_becomes_narrower_is_redrawn() {
        let mut terminal = Terminal::new(20, 6);
        let text = "가나다라마바사아";
        terminal.print(&["x"], text, text.len());
        // vt100 does not rewrap rows when it is resized, so this writes what a terminal of 10 columns
        // would show.
        terminal.terminal = self::terminal(10, 6);
        terminal.terminal.process("x\r\n> 가나다라\r\n마바사아".as_bytes());
        terminal.screen.resize(10, 6);
        terminal.print(&["y"], text, text.len());
        assert_eq!(terminal.rows(), ["x", "y", "> 가나다라", "마바사아"]);
    }

    proptest! {
        #[test]
        fn whatever_is_typed_every_line_stays_whole_and_in_order(
            columns in 12u16..30,
            steps in proptest::collection::vec(("[가-힣a-z \\n]{0,60}", 0usize..60, 0usize..3), 1..12),
        ) {
            let mut terminal = Terminal::new(columns, 120);
            let mut printed = Vec::new();
            for (number, (text, cursor, count)) in steps.iter().enumerate() {
                let lines: Vec<String> = (0..*count).map(|line| format!("말 {number}-{line}")).collect();
                let cursor = text.char_indices().nth(*cursor).map_or(text.len(), |(at, _)| at);
                printed.extend(lines.clone());
                terminal.show(&lines, &Prompt { pending: Vec::new(), label: "> ".to_owned(), text, cursor });
            }
            let rows = terminal.rows();
            prop_assert_eq!(&rows[..printed.len()], &printed[..]);
            let typed: String = rows[printed.len()..].concat().chars().filter(|c| !c.is_whitespace()).collect();
            let (last, _, _) = steps.last().unwrap();
            let expected: String = format!("> {last}").chars().filter(|c| !c.is_whitespace()).collect();
            prop_assert_eq!(typed, expected);
        }
    }
}
