#include <gtest/gtest.h>

#include "tests/unit/data/fixtures.h"

namespace ballast {
namespace {

const std::vector<ColumnSpec> kColumns = {
    {"n", ColumnType::number}, {"c", ColumnType::category}, {"y", ColumnType::category}};

TEST(Csv, ReadsCellsAsTheyAreMeant) {
  struct Case {
    const char* name;
    std::string text;
    Cells n;
    Cells c;
    Cells y;
  };
  const Case cases[] = {
      {"plain", "n,c,y\n1,red,a\n-2.5e1,blue,b\n", {"1", "-25"}, {"red", "blue"}, {"a", "b"}},
      {"no newline at the end", "n,c,y\n1,red,a", {"1"}, {"red"}, {"a"}},
      {"CRLF", "n,c,y\r\n1,red,a\r\n2,blue,b\r\n", {"1", "2"}, {"red", "blue"}, {"a", "b"}},
      {"byte order mark", "\xEF\xBB\xBFn,c,y\n1,red,a\n", {"1"}, {"red"}, {"a"}},
      {"spaces around cells", "n, c, y\n 1 , red , a \n", {"1"}, {"red"}, {"a"}},
      {"quotes keep spaces and commas",
       "n,c,y\n1,\" red, dark \",a\n",
       {"1"},
       {" red, dark "},
       {"a"}},
      {"quotes after spaces", "n,c,y\n1, \"red\" ,a\n", {"1"}, {"red"}, {"a"}},
      {"doubled quotes",
       "n,c,y\n1,\"say \"\"hi\"\"\",a\n2,\"\"\"\",b\n",
       {"1", "2"},
       {"say \"hi\"", "\""},
       {"a", "b"}},
      {"newlines in quotes",
       "n,c,y\n1,\"one\ntwo\r\nthree\",a\n2,x,b\n",
       {"1", "2"},
       {"one\ntwo\r\nthree", "x"},
       {"a", "b"}},
      {"a quote within a cell", "n,c,y\n1,5\" pipe,a\n", {"1"}, {"5\" pipe"}, {"a"}},
      {"empty lines are no rows",
       "\nn,c,y\n\n1,red,a\n\r\n2,blue,b\n\n",
       {"1", "2"},
       {"red", "blue"},
       {"a", "b"}},
      {"the last CRLF is cut off", "n,c,y\r\n1,red,a\r\n\r", {"1"}, {"red"}, {"a"}},
      {"missing cells",
       "n,c,y\n,red,a\n2,,b\n\"\",\"\",c\n",
       {"-", "2", "-"},
       {"red", "-", "-"},
       {"a", "b", "c"}},
      {"texts that mean missing", "n,c,y\n?,red,a\nNA,?,b\n", {"-", "-"}, {"red", "-"}, {"a", "b"}},
      {"numbers",
       "n,c,y\n+7,x,a\n.5,x,a\n5.,x,a\n1e3,x,a\n-0,x,a\n12345678901234567,x,a\n",
       {"7", "0.5", "5", "1000", "-0", "12345678901234568"},
       {"x", "x", "x", "x", "x", "x"},
       {"a", "a", "a", "a", "a", "a"}},
      {"any script", "n,c,y\n1,人口,a\n2,😀,b\n", {"1", "2"}, {"人口", "😀"}, {"a", "b"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Spec spec = csv_spec(kColumns);
    spec.data.missing = {"?", "NA"};
    const auto table = read_texts(spec, {c.text});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(cells_of(*table, "n"), c.n);
    EXPECT_EQ(cells_of(*table, "c"), c.c);
    EXPECT_EQ(cells_of(*table, "y"), c.y);
  }
}

TEST(Csv, SaysWhatIsWrongWithARow) {
  struct Case {
    const char* name;
    std::string text;
    const char* message;
  };
  const Case cases[] = {
      {"too few cells", "n,c,y\n1,red,a\n2,blue\n",
       "a.csv:3:1: expected 3 cells, saw 2; check the delimiter and the quotes, or set "
       "data.on_bad_row: skip"},
      {"too many cells", "n,c,y\n1,red,a,b\n",
       "a.csv:2:1: expected 3 cells, saw 4; check the delimiter and the quotes, or set "
       "data.on_bad_row: skip"},
      {"a shifted row is short, whatever its cells", "n,c,y\nred,a\n",
       "a.csv:2:1: expected 3 cells, saw 2; check the delimiter and the quotes, or set "
       "data.on_bad_row: skip"},
      {"no number", "n,c,y\n1,red,a\nfour,blue,b\n",
       "a.csv:3:1: expected a number in column \"n\", saw \"four\"; correct it, list it under "
       "data.missing, or read the column as a category"},
      {"half a number", "n,c,y\n1x,red,a\n",
       "a.csv:2:1: expected a number in column \"n\", saw \"1x\"; correct it, list it under "
       "data.missing, or read the column as a category"},
      {"the column of the cell", "c,y,n\nred,a,1\nblue,b, 1 2\n",
       "a.csv:3:9: expected a number in column \"n\", saw \"1 2\"; correct it, list it under "
       "data.missing, or read the column as a category"},
      {"NaN", "n,c,y\nnan,red,a\n",
       "a.csv:2:1: expected a finite number in column \"n\", saw \"nan\"; correct it, or list it "
       "under data.missing"},
      {"infinity", "n,c,y\n-inf,red,a\n",
       "a.csv:2:1: expected a finite number in column \"n\", saw \"-inf\"; correct it, or list it "
       "under data.missing"},
      {"too large", "n,c,y\n1e999,red,a\n",
       "a.csv:2:1: expected a number in column \"n\" that 64 bits can hold, saw \"1e999\"; correct "
       "it, or list it under data.missing"},
      {"no label", "n,c,y\n1,red,\n",
       "a.csv:2:7: expected a label in column \"y\", but there is none; add it, take the row out, "
       "or set data.on_bad_row: skip"},
      {"a quote that never closes", "n,c,y\n1,red,a\n2,\"blue,b\n3,green,c\n",
       "a.csv:3:3: expected a closing quote for the cell that begins here, but the file ends; "
       "close it, or double the quote if it belongs to the text"},
      {"text behind a quote", "n,c,y\n1,\"red\"ish,a\n",
       "a.csv:2:8: expected the cell to end behind its closing quote, but text follows; double the "
       "quotes that belong to the text"},
      {"text behind a quote two lines on", "n,c,y\n1,\"r\ned\"ish,a\n",
       "a.csv:3:4: expected the cell to end behind its closing quote, but text follows; double the "
       "quotes that belong to the text"},
      {"two wrong quotes", "n,c,y\n1,\"red\"ish,\"a\"b\n",
       "a.csv:2:8: expected the cell to end behind its closing quote, but text follows; double the "
       "quotes that belong to the text"},
      {"text behind a quote, then one that never closes", "n,c,y\n1,\"red\"ish,\"a\n",
       "a.csv:2:8: expected the cell to end behind its closing quote, but text follows; double the "
       "quotes that belong to the text"},
      {"lines are counted within quotes", "n,c,y\n1,\"r\n\ned\",a\nx,c,b\n",
       "a.csv:5:1: expected a number in column \"n\", saw \"x\"; correct it, list it under "
       "data.missing, or read the column as a category"},
      {"not UTF-8", "n,c,y\n1,caf\xE9,a\n",
       "a.csv:2:3: expected UTF-8 text in column \"c\", saw other bytes in \"caf\\xe9\"; convert "
       "the file, for example with iconv -f ISO-8859-1 -t UTF-8"},
      {"UTF-16", std::string("\xFF\xFEn\0,\0", 6),
       "a.csv: expected UTF-8 text, saw the mark of UTF-16; convert it, "
       "for example with iconv -f UTF-16 -t UTF-8"},
      {"lines of an old Mac", "n,c,y\r1,red,a\r2,blue,b\r",
       "a.csv: expected lines that end with \\n or \\r\\n, saw only \\r; convert the file, for "
       "example with tr '\\r' '\\n'"},
      {"only a header", "n,c,y\n",
       "data.train: expected at least one example in a.csv, saw none; check the path"},
      {"a long cell is cut", "n,c,y\n" + std::string(60, 'x') + ",red,a\n",
       "a.csv:2:1: expected a number in column \"n\", saw "
       "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\"; correct it, list it under data.missing, "
       "or "
       "read the column as a category"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
      const auto table = read_texts(csv_spec(kColumns), {c.text}, {.chunk_bytes = chunk_bytes});
      ASSERT_FALSE(table);
      EXPECT_EQ(table.error().message, c.message);
    }
  }
}

TEST(Csv, SaysWhatIsWrongWithColumns) {
  struct Case {
    const char* name;
    std::vector<ColumnSpec> columns;
    const char* text;
    const char* message;
  };
  const Case cases[] = {
      {"a listed column is not there",
       {{"agee", ColumnType::number}, {"y", ColumnType::category}},
       "age,y\n1,a\n",
       "data.columns: there is no column \"agee\" in a.csv; did you mean \"age\"?"},
      {"nothing is near",
       {{"weight", ColumnType::number}, {"y", ColumnType::category}},
       "age,y\n1,a\n",
       "data.columns: there is no column \"weight\" in a.csv; the columns are \"age\", \"y\""},
      {"the label is not there",
       {},
       "age,yy\n1,a\n",
       "data.label: there is no column \"y\" in a.csv; did you mean \"yy\"?"},
      {"another delimiter",
       {},
       "age;y\n1;a\n",
       "data.label: there is no column \"y\" in a.csv; its first line is one cell, \"age;y\": set "
       "data.delimiter: \";\""},
      {"tabs, and a listed column",
       {{"age", ColumnType::number}},
       "age\ty\n1\ta\n",
       "data.columns: there is no column \"age\" in a.csv; its first line is one cell, "
       "\"age\\ty\": set data.delimiter: tab"},
      {"names that are no text",
       {},
       "\x01\r\x1b[2J,aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee\n1,2\n",
       "data.label: there is no column \"y\" in a.csv; the columns are \"\\x01\\r\\x1b[2J\", "
       "\"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...\""},
      {"a name twice",
       {},
       "age,age,y\n1,2,a\n",
       "a.csv: expected every column to have its own name, saw \"age\" twice; rename one"},
      {"text behind a name's quote",
       {},
       "\nage,\"y\"x\n1,a\n",
       "a.csv:2:8: expected the cell to end behind its closing quote, but text follows; double the "
       "quotes that belong to the text"},
      {"a name's quote that never closes",
       {},
       "y,\"age\n1,2\n",
       "a.csv:1:3: expected a closing quote for the cell that begins here, but the file ends; "
       "close it, or double the quote if it belongs to the text"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (const BadRow on_bad_row : {BadRow::stop, BadRow::skip}) {
      Spec spec = csv_spec(c.columns);
      spec.data.on_bad_row = on_bad_row;
      const auto table = read_texts(spec, {c.text});
      ASSERT_FALSE(table);
      EXPECT_EQ(table.error().message, c.message);
    }
  }
}

TEST(Csv, SkipsAndSamplesBadRowsWhenAsked) {
  Spec spec = csv_spec(kColumns);
  spec.data.on_bad_row = BadRow::skip;
  const char* text = "n,c,y\n1,red,a\nx,blue,b\n3,green\n4,\"pi\"nk,c\n5,black,\n6,white,d\n";
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
    const auto table = read_texts(spec, {text}, {.chunk_bytes = chunk_bytes});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(cells_of(*table, "n"), (Cells{"1", "6"}));
    EXPECT_EQ(cells_of(*table, "c"), (Cells{"red", "white"}));
    EXPECT_EQ(table->rows_skipped, 4U);
    ASSERT_EQ(table->skipped_samples.size(), 4U);
    EXPECT_EQ(table->skipped_samples[0].substr(0, 10), "a.csv:3:1:");
    EXPECT_EQ(table->skipped_samples[1].substr(0, 10), "a.csv:4:1:");
    EXPECT_EQ(table->skipped_samples[2].substr(0, 10), "a.csv:5:7:");
    EXPECT_EQ(table->skipped_samples[3].substr(0, 11), "a.csv:6:9: ");
  }
}

TEST(Csv, ShowsTheFirstTenRowsThatAreSkippedAndCountsAll) {
  Spec spec = csv_spec(kColumns);
  spec.data.on_bad_row = BadRow::skip;
  std::string text = "n,c,y\n1,red,a\n";
  for (int row = 0; row < 12; ++row) text += "short\n";
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{20}, std::size_t{1} << 20}) {
    SCOPED_TRACE(chunk_bytes);
    const auto table = read_texts(spec, {text, text}, {.threads = 2, .chunk_bytes = chunk_bytes});
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->rows_skipped, 24U);
    ASSERT_EQ(table->skipped_samples.size(), kSamplesMax);
    EXPECT_EQ(table->skipped_samples.front().substr(0, 10), "a.csv:3:1:");
    EXPECT_EQ(table->skipped_samples.back().substr(0, 11), "a.csv:12:1:");
  }
}

TEST(Csv, AnEmptySplitSaysWhyItsRowsWereSkipped) {
  Spec spec = csv_spec(kColumns);
  spec.data.on_bad_row = BadRow::skip;
  const auto table = read_texts(spec, {"n,c,y\n1\n2\n"});
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().message,
            "data.train: expected at least one example in a.csv, saw none, since all 2 rows were "
            "skipped, the first because of a.csv:2:1: expected 3 cells, saw 1; check the delimiter "
            "and the quotes, or set data.on_bad_row: skip");
}

TEST(Csv, BlocksAreAFunctionOfTheTextAlone) {
  std::string text = "n,c,y\n";
  for (int i = 0; i < 500; ++i) {
    text += std::to_string(i) + (i % 7 == 0 ? ",\"two\nlines, and \"\"quotes\"\"\"," : ",x,") +
            (i % 2 == 0 ? "a\n" : "b\r\n");
  }
  const Spec spec = csv_spec(kColumns);
  const auto whole = read_texts(spec, {text, text});
  ASSERT_TRUE(whole) << whole.error().message;
  for (const std::size_t chunk_bytes :
       {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{1000}}) {
    SCOPED_TRACE(chunk_bytes);
    const auto one = read_texts(spec, {text, text}, {.threads = 1, .chunk_bytes = chunk_bytes});
    const auto four = read_texts(spec, {text, text}, {.threads = 4, .chunk_bytes = chunk_bytes});
    ASSERT_TRUE(one && four);
    for (const char* column : {"n", "c", "y"}) {
      EXPECT_EQ(cells_of(*one, column), cells_of(*whole, column));
    }
    ASSERT_EQ(one->blocks.size(), four->blocks.size());
    for (std::size_t b = 0; b < one->blocks.size(); ++b) {
      EXPECT_EQ(one->blocks[b].rows, four->blocks[b].rows);
      EXPECT_EQ(one->blocks[b].lines, four->blocks[b].lines);
      EXPECT_EQ(one->blocks[b].file, four->blocks[b].file);
    }
  }
}

TEST(Csv, EveryFileBringsItsOwnHeader) {
  const Spec spec = csv_spec(kColumns);
  const auto table = read_texts(spec, {"n,c,y\n1,red,a\n", "y,extra,n,c\nb,9,2,blue\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table, "n"), (Cells{"1", "2"}));
  EXPECT_EQ(cells_of(*table, "c"), (Cells{"red", "blue"}));
  EXPECT_EQ(cells_of(*table, "y"), (Cells{"a", "b"}));
  EXPECT_EQ(table->blocks[1].lines, (std::vector<std::uint64_t>{2}));

  const auto missing = read_texts(spec, {"n,c,y\n1,red,a\n", "n,cc,y\n2,blue,b\n"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "b.csv: expected a column \"c\" in the header, as in the training data; did you mean "
            "\"cc\"?");
}

TEST(Csv, ReadsOnlyListedColumns) {
  const auto table =
      read_texts(csv_spec({{"n", ColumnType::number}}), {"id,n,note,y\n?,1,\"a\nb\",a\n?,2,c,b\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table, "n"), (Cells{"1", "2"}));
  EXPECT_EQ(table->columns[0].type, ColumnType::skip);
  EXPECT_EQ(table->columns[2].type, ColumnType::skip);
}

TEST(Csv, WithoutHeaderColumnsGoByPosition) {
  Spec spec =
      csv_spec({{"a", ColumnType::number}, {"b", ColumnType::skip}, {"y", ColumnType::category}});
  spec.data.header = false;
  const auto listed = read_texts(spec, {"1,x,p\n2,y,q\n"});
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(cells_of(*listed, "a"), (Cells{"1", "2"}));
  EXPECT_EQ(cells_of(*listed, "y"), (Cells{"p", "q"}));

  spec.data.columns.clear();
  spec.data.label = "column_3";
  const auto numbered = read_texts(spec, {"1,x,p\n2,y,q\n"});
  ASSERT_TRUE(numbered) << numbered.error().message;
  EXPECT_EQ(cells_of(*numbered, "column_1"), (Cells{"1", "2"}));
  EXPECT_EQ(cells_of(*numbered, "column_2"), (Cells{"x", "y"}));

  // The first record says how many columns there are, so it is no row that could be skipped.
  spec.data.on_bad_row = BadRow::skip;
  const auto wrong = read_texts(spec, {"1,\"x,p\n2,y,q\n"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "a.csv:1:3: expected a closing quote for the cell that begins here, but the file ends; "
            "close it, or double the quote if it belongs to the text");
}

TEST(Csv, OtherDelimitersAndComments) {
  Spec spec = csv_spec(kColumns);
  spec.data.delimiter = ';';
  spec.data.comment = "//";
  const auto table =
      read_texts(spec, {"// from; \"somewhere\n// else\nn;c;y\n1;a,b;x\n// between\n2;// no;y\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table, "n"), (Cells{"1", "2"}));
  EXPECT_EQ(cells_of(*table, "c"), (Cells{"a,b", "// no"}));
  EXPECT_EQ(table->blocks[0].lines, (std::vector<std::uint64_t>{4, 6}));

  Spec quote = csv_spec(kColumns);
  quote.data.comment = "\"";
  for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
    SCOPED_TRACE(chunk_bytes);
    const auto cut = read_texts(quote, {"\" a comment\nn,c,y\n\" another\n1,\"red\n\",a\n"},
                                {.chunk_bytes = chunk_bytes});
    ASSERT_TRUE(cut) << cut.error().message;
    EXPECT_EQ(cells_of(*cut, "n"), (Cells{"1"}));
    EXPECT_EQ(cells_of(*cut, "c"), (Cells{"red\n"}));
  }

  Spec spaces = csv_spec(kColumns);
  spaces.data.delimiter = ' ';
  const auto split = read_texts(spaces, {"n c y\n1 \"a b\" x\n"});
  ASSERT_TRUE(split) << split.error().message;
  EXPECT_EQ(cells_of(*split, "c"), (Cells{"a b"}));
}

TEST(Csv, InfersTypesFromEveryTrainingCell) {
  const std::string longest(kCategoryBytesMax + 1, 'w');
  const auto table =
      read_texts(csv_spec(), {"a,b,c,d,y\n1,1,red," + longest + ",p\n,x,2,short,q\n-3.5,2,,b,p\n"},
                 {.threads = 2, .chunk_bytes = 1});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->columns[0].type, ColumnType::number);
  EXPECT_EQ(table->columns[1].type, ColumnType::category);
  EXPECT_EQ(table->columns[1].not_numeric, "a.csv:3: \"x\"");
  EXPECT_EQ(table->columns[2].type, ColumnType::category);
  EXPECT_EQ(table->columns[3].type, ColumnType::text);
  EXPECT_EQ(cells_of(*table, "a"), (Cells{"1", "-", "-3.5"}));

  // Later splits are read alike.
  const auto test = read_texts(csv_spec(), {"a,b,c,d,y\n7,7,7,7,p\n"}, {}, &*table);
  ASSERT_TRUE(test) << test.error().message;
  EXPECT_EQ(test->columns[1].type, ColumnType::category);
  EXPECT_EQ(cells_of(*test, "a"), (Cells{"7"}));

  const auto bad = read_texts(csv_spec(), {"a,b,c,d,y\nred,7,7,7,p\n"}, {}, &*table);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message.substr(0, 60),
            "a.csv:2:1: expected a number in column \"a\", saw \"red\"; corre");
}

TEST(Csv, ANumberColumnWithNanIsAnErrorThatNamesTheFirstCell) {
  struct Case {
    const char* name;
    std::vector<std::string_view> files;
    const char* place;
  };
  const Case cases[] = {
      {"one", {"a,y\n1,p\nNaN,q\n"}, "a.csv:3: expected a finite number in column \"a\", saw "},
      {"two columns",
       {"a,b,y\n1,1,p\n1,NaN,q\nNaN,1,p\n"},
       "a.csv:3: expected a finite number in column \"b\", saw "},
      {"two files",
       {"a,b,y\n1,1,p\n1,NaN,q\n", "a,b,y\nNaN,1,p\n"},
       "a.csv:3: expected a finite number in column \"b\", saw "},
      {"two in a row",
       {"b,a,y\n1,1,p\nNaN,NaN,q\n"},
       "a.csv:3: expected a finite number in column \"b\", saw "},
      {"a category may be called so",
       {"a,b,y\nNaN,1,p\nred,NaN,q\n"},
       "a.csv:3: expected a finite number in column \"b\", saw "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{1} << 20}) {
      const auto table =
          read_texts(csv_spec(), c.files, {.threads = 2, .chunk_bytes = chunk_bytes});
      ASSERT_FALSE(table);
      EXPECT_EQ(table.error().message,
                std::string(c.place) + "\"NaN\"; correct it, or list it under data.missing");
    }
  }
}

TEST(Csv, StripsTheSuffixOfLabelsOnly) {
  Spec spec = csv_spec({{"c", ColumnType::category}, {"y", ColumnType::category}});
  spec.data.label_strip_suffix = ".";
  const auto table = read_texts(spec, {"c,y\nx.,yes.\nz.,no\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table, "y"), (Cells{"yes", "no"}));
  EXPECT_EQ(cells_of(*table, "c"), (Cells{"x.", "z."}));
}

TEST(Tsv, UnescapesAndTakesQuotesAsTheyAre) {
  Spec spec = csv_spec({{"t", ColumnType::text}, {"y", ColumnType::category}});
  spec.data.format = DataFormat::tsv;
  const auto table = read_texts(
      spec, {"t\ty\none\\ttwo\\nthree\\\\n\ta\n\"quoted, not closed\tb\nback\\slash \\o/\tc\r\n"});
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(cells_of(*table, "t"),
            (Cells{"one\ttwo\nthree\\n", "\"quoted, not closed", "back\\slash \\o/"}));
  EXPECT_EQ(cells_of(*table, "y"), (Cells{"a", "b", "c"}));
}

}  // namespace
}  // namespace ballast
