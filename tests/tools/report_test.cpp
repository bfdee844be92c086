// imago report without a browser: what the page holds, that it loads nothing, that no text of a run
// breaks out of it, and that odd runs have a page too. How it looks and acts: report_browser.cpp.
#include <signal.h>
#include <sys/file.h>

#include <cmath>

#include "engine/core/error.h"
#include "tests/tools/cli.h"
#include "tools/imago/base64.h"

namespace imago::test {
namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) n++;
  return n;
}

class Report : public Cli {
 protected:
  std::string page(const std::string& run = "run") const {
    const Result r = imago({"report", run});
    EXPECT_EQ(r.status, 0) << r.error;
    EXPECT_EQ(r.error, "");
    EXPECT_EQ(r.out, run + "/report.html\n");
    return read(folder_ / run / "report.html");
  }
  static json data(const std::string& page) {
    const std::string open = "<script type=\"application/json\" id=\"data\">";
    const std::size_t from = page.find(open) + open.size();
    return json::parse(page.substr(from, page.find("</script>", from) - from));
  }
  void put(const std::string& name, const std::string& text) const {
    fs::remove(folder_ / name);
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  // A run without weights: the configuration alone, and what is put beside it.
  void bare_run() const { put("run/config.json", R"({"preset": "vae", "data": "four-patterns"})"); }
  // What looks like a PNG file of so many bytes.
  static std::string picture(std::size_t bytes, char filling = 'x') {
    std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x10\x08", 25);
    return png + std::string(bytes - png.size(), filling);
  }
};

#define EXPECT_HOLDS(page, text) \
  EXPECT_NE((page).find(text), std::string::npos) << "the page lacks: " << (text)
#define EXPECT_LACKS(page, text) \
  EXPECT_EQ((page).find(text), std::string::npos) << "the page holds: " << (text)

TEST(Base64, KnownAnswers) {  // RFC 4648, section 10
  EXPECT_EQ(tool::base64(""), "");
  EXPECT_EQ(tool::base64("f"), "Zg==");
  EXPECT_EQ(tool::base64("fo"), "Zm8=");
  EXPECT_EQ(tool::base64("foo"), "Zm9v");
  EXPECT_EQ(tool::base64("foob"), "Zm9vYg==");
  EXPECT_EQ(tool::base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(tool::base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(tool::base64(std::string("\0\xff\xfe\x80", 4)), "AP/+gA==");
}

TEST_F(Report, LoadsNothingAndHoldsTheRun) {
  ASSERT_EQ(trained("run", 30, {"--eval-every", "10", "--sample-every", "10"}).status, 0);
  ASSERT_EQ(imago({"reconstruct", "run"}).status, 0);
  const std::string text = page();
  for (const char* outside : {"http:", "https:", "url(", "@import", "<link rel=\"stylesheet", "{{",
                              "import(", "fetch(", "XMLHttpRequest", "WebSocket"})
    EXPECT_LACKS(text, outside);
  EXPECT_HOLDS(text, "default-src 'none'; img-src data:;");
  EXPECT_EQ(count(text, "src=\""), count(text, "src=\"data:image/png;base64,"));
  EXPECT_GE(count(text, "src=\""), 2u);
  EXPECT_EQ(count(text, "href="), count(text, "href=\"data:,\""));
  EXPECT_EQ(count(text, "<script"), 2u);
  EXPECT_EQ(count(text, "</script"), 2u);
  EXPECT_HOLDS(text, "<noscript>");

  EXPECT_HOLDS(text, "<h1>vae <span>on</span> four-patterns</h1>");
  EXPECT_HOLDS(text, "<span class=\"state\">finished</span>");
  EXPECT_HOLDS(text, "encoder.0: Linear(");
  EXPECT_HOLDS(text, "finished at step 30\n</pre>");
  EXPECT_HOLDS(text, "reconstructions.png</figcaption>");
  EXPECT_HOLDS(text, tool::base64(read(folder_ / "run/reconstructions.png")));
  // The newest picture is in the page itself, the others are the script's.
  EXPECT_HOLDS(text, "alt=\"samples at step 30\" src=\"data:image/png;base64," +
                         tool::base64(read(folder_ / "run/samples/step-000030.png")) + "\"");
  const json samples = data(text)["samples"];
  ASSERT_EQ(samples.size(), 3u);
  for (int i : {0, 1}) {
    EXPECT_EQ(samples[i]["step"], 10 * (i + 1));
    EXPECT_EQ(samples[i]["png"],
              "data:image/png;base64," +
                  tool::base64(read(folder_ / concat("run/samples/step-0000", i + 1, "0.png"))));
  }
  EXPECT_EQ(samples[2], json({{"step", 30}}));
  EXPECT_EQ(page(), text);  // nothing in it depends on when it is made

  // The machine is told by the log, and by nothing that two equal runs must have in common.
  EXPECT_HOLDS(read(folder_ / "run/log.txt"), "imago 0.");
  EXPECT_HOLDS(text, "<p>imago 0.");
  EXPECT_HOLDS(text, " threads</p>");
  EXPECT_FALSE(fs::exists(folder_ / "run/.report.html.partial"));
}

TEST_F(Report, FiguresParseBack) {
  ASSERT_EQ(trained("run", 30, {"--eval-every", "10"}).status, 0);
  const std::string text = page();
  const json all = data(text);
  EXPECT_EQ(all["figures"][0]["name"], "elbo");  // what is maximised comes first
  EXPECT_EQ(all["figures"][0]["unit"], "nats");
  std::size_t values = 0;
  for (const json& split : all["splits"]) {
    std::size_t i = 0;
    for (const json& line : lines(folder_ / "run/metrics.jsonl")) {
      if (line["split"] != split["name"]) continue;
      EXPECT_EQ(split["step"][i], line["step"]);
      EXPECT_EQ(split["epoch"][i], line["epoch"]);
      for (const json& f : split["figures"]) {
        EXPECT_EQ(f["values"][i], line[f["name"].get<std::string>()]);
        values++;
      }
      i++;
    }
    EXPECT_EQ(i, split["step"].size());
  }
  EXPECT_EQ(values, 3u * 3 + 3u * 3);  // three lines a split, of three figures
  const double elbo = lines(folder_ / "run/metrics.jsonl").back()["elbo"];
  char shown[32];
  std::snprintf(shown, sizeof shown, "<strong>\u2212%.3f</strong> nats", -elbo);
  EXPECT_HOLDS(text, shown);
  std::snprintf(shown, sizeof shown, "<td>%#.7g</td>", elbo);
  EXPECT_HOLDS(text, shown);
  EXPECT_EQ(count(text, "<tr><th scope=\"row\">10</th>"), 2u);
}

TEST_F(Report, SaysWhatDiffersFromTheDefaults) {
  ASSERT_EQ(trained("run", 2).status, 0);
  const std::string text = page();
  const auto row = [&](const std::string& option) {
    const std::size_t at = text.find("<th scope=\"row\">" + option + "</th>");
    const std::size_t from = text.rfind("<tr", at);
    return text.substr(from, text.find("</tr>", at) - from);
  };
  EXPECT_HOLDS(row("latent"), "class=\"differs\"");
  EXPECT_HOLDS(row("latent"), "<td>2<span class=\"unseen\"> (not the default)</span></td><td>20");
  EXPECT_HOLDS(row("latent"), "size of z; an integer in [1, 1048576] [Kingma &amp; Welling 2014]");
  EXPECT_LACKS(row("dropout"), "differs");
  for (const char* option : {"hidden", "lr", "batch", "eval_every", "seed", "device"})
    EXPECT_NE(row(option), "") << option;
}

TEST_F(Report, BestIsWhatTheCheckpointSays) {
  ASSERT_EQ(trained("run", 30, {"--eval-every", "10", "--set", "valid=4"}).status, 0);
  const std::string text = page();
  EXPECT_HOLDS(text, "<th scope=\"col\">best valid<small>step ");
  double best = -INFINITY;
  int step = 0;
  for (const json& line : lines(folder_ / "run/metrics.jsonl"))
    if (line["split"] == "valid" && line["elbo"] > best) {
      best = line["elbo"];
      step = line["step"];
    }
  EXPECT_HOLDS(text, concat("best valid<small>step ", step, "</small>"));
  ASSERT_EQ(trained("other", 2).status, 0);
  EXPECT_LACKS(page("other"), "best valid");
  EXPECT_HOLDS(page("other"), "no valid split");
}

TEST_F(Report, NothingBreaksOut) {
  const std::string evil = "</script><script>alert(1)</script><!--<img src=http://x>&\"'{{json}}";
  const std::string run = "r<b>&\"'<" + std::string("/script><script>alert(1)<");
  put(run + "/config.json",
      json{{"preset", "vae"}, {"data", evil}, {"data_dir", evil}, {"device", evil}}.dump());
  put(run + "/metrics.jsonl",
      json{{"step", 1}, {"epoch", 0.5}, {"split", evil}, {evil, -1.5}}.dump() + "\n");
  put(run + "/log.txt", "2026-01-01T00:00:00Z ended by an error: " + evil +
                            "\n2026-01-01T00:00:00Z imago 0 on " + evil + "\n\xff\xfe\n");
  put(run + "/<img src=x>\"'.png", picture(100));
  const std::string text = page(run);
  EXPECT_EQ(count(text, "<script"), 2u);
  EXPECT_EQ(count(text, "</script"), 2u);
  EXPECT_LACKS(text, "<!--");
  EXPECT_LACKS(text, "<b>&");
  EXPECT_EQ(count(text, "<img"), 1u);
  EXPECT_EQ(data(text)["splits"][0]["name"], evil);
  EXPECT_EQ(data(text)["splits"][0]["figures"][0]["name"], evil);
  EXPECT_HOLDS(text,
               "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;!--&lt;img "
               "src=http://x&gt;&amp;&quot;&#39;{{json}}</h1>");
}

TEST_F(Report, OddRunsHaveAPage) {
  bare_run();
  std::string text = page();  // not even begun
  for (const char* absent :
       {"No figures yet", "no pictures of samples", "no checkpoint yet", "The run has no log",
        "does not tell which machine", "log.txt does not tell how it ended", "None."})
    EXPECT_HOLDS(text, absent);
  EXPECT_EQ(data(text)["splits"], json::array());

  put("run/metrics.jsonl", "");
  put("run/log.txt", "");
  fs::create_directories(folder_ / "run/samples");
  EXPECT_HOLDS(page(), "No figures yet");

  put("run/metrics.jsonl", "{\"step\":5,\"epoch\":1,\"split\":\"train\",\"loss\":2.5}\n");
  text = page();
  EXPECT_HOLDS(text, "No test figures yet");
  EXPECT_HOLDS(text, "<td>2.500</td>");

  put("run/metrics.jsonl",
      "{\"step\":5,\"epoch\":1,\"split\":\"test\",\"elbo\":null}\n"
      "{\"step\":6,\"epoch\":2,\"split\":\"test\",\"elbo\":-3.5}\n"
      "{\"step\":7,\"epoch\":3,\"split\":\"te");
  text = page();
  EXPECT_EQ(data(text)["splits"][0]["figures"][0]["values"], json({nullptr, -3.5}));
  EXPECT_HOLDS(text, "<td>null</td>");
  EXPECT_HOLDS(text, "was cut short");
}

TEST_F(Report, ToldByTheLogHowItEnded) {
  bare_run();
  const auto ends = [&](const std::string& log, const std::string& holding) {
    put("run/log.txt", log);
    EXPECT_HOLDS(page(), holding);
  };
  const std::string begun = "T training for 90 steps\nT imago 0.1.0 on cpu: X, 2 threads\n";
  ends(begun, "step 0 of 90 \u00b7 <span class=\"state open\">ended without finishing: it crashed");
  ends(begun + "T stopped at step 40 of 90; a checkpoint is written\n",
       "step 40 of 90 \u00b7 <span class=\"state open\">stopped before the end");
  ends(begun +
           "T stopped at step 40 of 90; a checkpoint is written\nT resuming from step 40 of 99\n",
       "step 40 of 99 \u00b7 <span class=\"state open\">ended without finishing");
  ends(begun + "T ended by an error: training diverged\n",
       ">ended by an error: training diverged<");
  ends(begun + "T finished at step 90\n", "step 90 \u00b7 <span class=\"state\">finished<");
  ends(begun, "<p>imago 0.1.0 on cpu: X, 2 threads</p>");
  const int lock = open((folder_ / "run").c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  ends(begun, ">still training<");
  close(lock);

  // With a checkpoint: of what fails at once nothing is left.
  const Result diverged =
      trained("diverged", 200, {"--set", "lr=1e6", "--set", "checkpoint_every=1"});
  ASSERT_EQ(diverged.status, 5);
  EXPECT_HOLDS(page("diverged"), ">ended by an error: training diverged, ");
}

TEST_F(Report, ADamagedCheckpointHidesNoFigures) {
  ASSERT_EQ(trained("run", 5).status, 0);
  const fs::path last = folder_ / "run/checkpoints/last.safetensors";
  const std::string whole = read(last);
  put("run/checkpoints/last.safetensors", whole.substr(0, whole.size() / 2));
  const std::string text = page();
  EXPECT_HOLDS(text, "last.safetensors");
  EXPECT_LACKS(text, "encoder.0: Linear");
  EXPECT_EQ(data(text)["splits"].size(), 2u);
}

TEST_F(Report, ManyPicturesBecomeAnEvenChoice) {
  bare_run();
  const auto name = [](int step) {
    char text[64];
    std::snprintf(text, sizeof text, "run/samples/step-%06d.png", step);
    return std::string(text);
  };
  for (int i = 0; i < 450; i++) put(name(7000 * i), picture(60, char('a' + i % 26)));
  put("run/samples/step-12.png.partial", "no picture of the run");
  std::string text = page();
  EXPECT_HOLDS(text, "200 of 450 pictures");
  const json samples = data(text)["samples"];
  ASSERT_EQ(samples.size(), 200u);
  EXPECT_EQ(samples[0]["step"], 0);
  EXPECT_EQ(samples[199]["step"], 7000 * 449);  // seven digits sort behind six
  for (int i = 1; i < 200; i++) {
    const int apart = samples[i]["step"].get<int>() - samples[i - 1]["step"].get<int>();
    EXPECT_TRUE(apart == 14000 || apart == 21000) << apart;
  }

  fs::remove_all(folder_ / "run/samples");
  for (int i = 1; i <= 12; i++) put(name(i), picture(3 << 20));
  for (const char* other : {"a", "b", "c"}) put(concat("run/", other, ".png"), picture(3 << 20));
  put("run/d.png", "this is no picture");
  text = page();
  EXPECT_LT(text.size(), 20u << 20);
  EXPECT_HOLDS(text, "2 of 12 pictures");
  EXPECT_EQ(data(text)["samples"][0]["step"], 1);
  EXPECT_EQ(data(text)["samples"][1]["step"], 12);
  EXPECT_HOLDS(text, "a.png</figcaption>");
  EXPECT_HOLDS(text, "Left out: b.png: too large");
  EXPECT_HOLDS(text, "Left out: d.png: not a PNG");

  fs::remove_all(folder_ / "run/samples");
  put(name(1), picture(9 << 20));
  EXPECT_HOLDS(page(), "the newest picture is too large");
  put(name(2), picture(1 << 20));  // the newest is what matters most
  EXPECT_HOLDS(page(), "1 of 2 pictures");
}

TEST_F(Report, ManyLinesBecomeAnEvenChoice) {
  bare_run();
  std::string metrics;
  for (int i = 1; i <= 5000; i++)
    metrics += concat("{\"step\":", i, ",\"epoch\":0,\"split\":\"train\",\"loss\":", i, ".5}\n");
  put("run/metrics.jsonl", metrics);
  const std::string text = page();
  EXPECT_HOLDS(text, "2000 of 5000 lines");
  const json split = data(text)["splits"][0];
  ASSERT_EQ(split["step"].size(), 2000u);
  EXPECT_EQ(split["step"][0], 1);
  EXPECT_EQ(split["step"][1999], 5000);
  EXPECT_EQ(split["figures"][0]["values"][1999], 5000.5);
}

TEST_F(Report, RefusesWhatIsNoRun) {
  fails({"report"}, 2, "RUN");
  fails({"report", "nowhere"}, 3, "nowhere");
  fs::create_directories(folder_ / "empty");
  fails({"report", "empty"}, 3, "config.json");
  EXPECT_TRUE(fs::is_empty(folder_ / "empty"));
  put("bad/config.json", "{\"preset\": ");
  fails({"report", "bad"}, 3, "bad/config.json");

  bare_run();
  put("run/report.html", "an older page");
  put("run/metrics.jsonl",
      "{\"step\":1,\"epoch\":1,\"split\":\"test\",\"elbo\":-1}\n"
      "{\"step\":2,\"epoch\":1,\"spl\n{\"step\":3,\"epoch\":1,\"split\":\"test\",\"elbo\":-1}\n");
  fails({"report", "run"}, 3, "run/metrics.jsonl");
  fails({"report", "run"}, 3, "{\"step\":2,");
  EXPECT_EQ(read(folder_ / "run/report.html"), "an older page");
  put("run/metrics.jsonl", "");
  fails({"report", "run", "--out", "no/such/folder/page.html"}, 1, "page.html");
  EXPECT_EQ(imago({"report", "run", "--out", "page.html"}).out, "page.html\n");
  EXPECT_HOLDS(read(folder_ / "page.html"), "</html>");
  EXPECT_HOLDS(imago({"report", "--help"}).out, "#x=epoch");
}

}  // namespace
}  // namespace imago::test
