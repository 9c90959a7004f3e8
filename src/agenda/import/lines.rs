//! Line numbers in a file.

/// Positions of the line breaks of a text.
#[derive(Debug)]
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index).collect())
    }

    /// Number of the line that holds the byte at `index`, from 1.
    pub fn line(&self, index: usize) -> usize {
        self.0.partition_point(|line_break| *line_break < index) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_byte_has_the_number_of_its_line() {
        let lines = Lines::of("ab\nc\n\nd");
        let line_numbers: Vec<_> = (0..8).map(|index| lines.line(index)).collect();
        assert_eq!(line_numbers, [1, 1, 1, 2, 2, 3, 4, 4]);
    }
}
