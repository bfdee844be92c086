// imago report in a browser, without a screen and without a network: the curves that are drawn, the
// pictures that are changed, and that the script never stumbles. Skipped where no Chromium is.
#include <cmath>
#include <regex>

#include "engine/core/error.h"
#include "tests/tools/cli.h"
#include "tools/imago/base64.h"

namespace imago::test {
namespace {

std::string browser() {
  std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');)
    for (const char* name : {"chromium", "google-chrome"}) {
      const std::string program = folder + "/" + name;
      // One in a snap sees no file of ours.
      if (access(program.c_str(), X_OK) == 0 && fs::canonical(program).filename() != "snap")
        return program;
    }
  return {};
}

struct Shown {
  std::string dom, console;  // the page after its script ran; what the script logged and threw
  std::vector<std::string> all(const std::string& pattern) const {  // the first group of each match
    std::vector<std::string> found;
    const std::regex expression(pattern);
    for (std::sregex_iterator it(dom.begin(), dom.end(), expression), end; it != end; ++it)
      found.push_back((*it)[1]);
    return found;
  }
};

class ReportInBrowser : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    if (browser().empty()) GTEST_SKIP() << "no chromium in PATH (cmake/packages-test.txt)";
    fs::create_directories(folder_ / "run/samples");
    std::ofstream(folder_ / "run/config.json") << R"({"preset": "vae", "data": "four-patterns"})";
  }
  void metrics(const std::string& text) const {
    std::ofstream(folder_ / "run/metrics.jsonl") << text;
  }
  void report() const {
    const Result r = imago({"report", "run"});
    ASSERT_EQ(r.status, 0) << r.error;
  }
  // A script of the test's own at the end of the page.
  void act(const std::string& script) const {
    const std::string page = read(folder_ / "run/report.html");
    std::ofstream(folder_ / "run/report.html") << page.substr(0, page.rfind("</body>"))
                                               << "<script>" << script << "</script></body></html>";
  }
  Shown show(const std::string& view = {}) const {
    const std::string command =
        "cd \"" + folder_.string() + "\" && HOME=\"$PWD\" \"" + browser() +
        "\" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
        " --disable-background-networking --host-resolver-rules='MAP * ~NOTFOUND'"
        " --user-data-dir=\"$PWD/browser\" --window-size=1200,900 --enable-logging=stderr"
        " --virtual-time-budget=2000 --dump-dom \"file://$PWD/run/report.html" +
        view + "\" >dom.txt 2>browser.txt </dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << read(folder_ / "browser.txt");
    Shown shown{read(folder_ / "dom.txt"), {}};
    std::istringstream log(read(folder_ / "browser.txt"));
    for (std::string line; std::getline(log, line);)
      if (line.find("CONSOLE") != std::string::npos) shown.console += line + "\n";
    EXPECT_NE(shown.dom.find("</html>"), std::string::npos) << read(folder_ / "browser.txt");
    return shown;
  }
};

// The d of a line as places on the screen.
std::vector<std::pair<double, double>> places(const std::string& d) {
  std::vector<std::pair<double, double>> all;
  std::istringstream text(std::regex_replace(d, std::regex("[ML]"), " "));
  for (double x, y; text >> x >> y;) all.emplace_back(x, y);
  return all;
}

TEST_F(ReportInBrowser, DrawsEveryCurve) {
  const double elbo[] = {-300, -260, -255, -245, -244};
  std::string text;
  for (int i = 0; i < 5; i++)
    text += concat("{\"step\":", 100 * (i + 1), ",\"epoch\":", i + 1,
                   ",\"split\":\"train\",\"loss\":", 2.0 * (i + 1), "}\n{\"step\":", 100 * (i + 1),
                   ",\"epoch\":", i + 1, ",\"split\":\"valid\",\"elbo\":", elbo[i], "}\n");
  metrics(text + "{\"step\":500,\"epoch\":5,\"split\":\"test\",\"elbo\":-246.5}\n");
  report();
  Shown shown = show("#at=300");
  EXPECT_EQ(shown.console, "");
  EXPECT_EQ(shown.all("(<figure class=\"chart\">)").size(), 2u + 1);  // the template besides
  const auto valid = shown.all("class=\"line valid\" d=\"([^\"]*)\""),
             train = shown.all("class=\"line train\" d=\"([^\"]*)\"");
  ASSERT_EQ(valid.size(), 1u);
  ASSERT_EQ(train.size(), 1u);
  EXPECT_EQ(shown.all("class=\"line test\"( )").size(), 0u);   // one point is no line,
  EXPECT_EQ(shown.all("class=\"point test\"( )").size(), 1u);  // but it is seen
  EXPECT_EQ(shown.all("class=\"point valid\"( )").size(), 5u);
  const auto at = places(valid[0]);
  ASSERT_EQ(at.size(), 5u);
  // Places are linear in steps and values, and larger is higher.
  const double slope = (at[4].second - at[0].second) / (elbo[4] - elbo[0]);
  EXPECT_LT(slope, -1);
  for (int i = 0; i < 5; i++) {
    EXPECT_NEAR(at[i].second, at[0].second + slope * (elbo[i] - elbo[0]), 0.02) << i;
    EXPECT_NEAR(at[i].first, at[0].first + i * (at[4].first - at[0].first) / 4, 0.02) << i;
  }
  // What is read out at step 300.
  EXPECT_EQ(shown.all("class=\"where\"[^>]*>([^<]*)<"),
            std::vector<std::string>(2, "step 300, epoch 3"));
  EXPECT_EQ(shown.all("valid <b>([^<]*)</b>"), std::vector<std::string>{"\u2212255.00"});
  EXPECT_EQ(shown.all("train <b>([^<]*)</b>"), std::vector<std::string>{"6.000"});
  EXPECT_EQ(shown.all("test <b>([^<]*)</b>"), std::vector<std::string>{"\u2013"});
  EXPECT_EQ(shown.all("aria-label=\"(elbo by step: valid, 5 points)").size(), 1u);

  // Logarithmic where every value is positive.
  shown = show("#x=epoch&logy=1");
  EXPECT_EQ(shown.console, "");
  const auto log = places(shown.all("class=\"line train\" d=\"([^\"]*)\"").at(0));
  ASSERT_EQ(log.size(), 5u);
  for (int i = 0; i < 5; i++)
    EXPECT_NEAR(log[i].second,
                log[0].second + (log[4].second - log[0].second) * std::log(i + 1) / std::log(5),
                0.02);
  EXPECT_EQ(places(shown.all("class=\"line valid\" d=\"([^\"]*)\"").at(0))[2].second, at[2].second);
  EXPECT_EQ(shown.all("(linear: not all positive)").size(), 2u);  // the script says it as well
  EXPECT_EQ(shown.all("aria-label=\"(elbo by epoch)").size(), 1u);
}

TEST_F(ReportInBrowser, TheSliderChangesThePicture) {
  metrics("");
  std::string pictures[3];
  for (int i = 0; i < 3; i++) {
    pictures[i] =
        std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08\x08", 25) + char(i);
    std::ofstream(folder_ / concat("run/samples/step-00000", i + 1, ".png")) << pictures[i];
  }
  report();
  const auto check = [&](const std::string& view, int i) {
    const Shown shown = show(view);
    EXPECT_EQ(shown.console, "");
    EXPECT_EQ(shown.all("<img id=\"sample\"[^>]*src=\"data:image/png;base64,([^\"]*)\""),
              std::vector<std::string>{tool::base64(pictures[i])});
    EXPECT_EQ(shown.all("<output[^>]*>([^<]*)<"), std::vector{concat("step ", i + 1)});
    EXPECT_EQ(shown.all("<button type=\"button\"( )").size(), 3u);
    EXPECT_EQ(shown.all("value=\"([0-9])\" aria-pressed=\"true\""), std::vector{concat(i)});
  };
  check("", 2);
  check("#sample=1", 0);
  check("#sample=2", 1);
}

TEST_F(ReportInBrowser, ActsOnKeysPointerAndControls) {
  std::string text;
  for (int i = 1; i <= 5; i++)
    text += concat("{\"step\":", 100 * i, ",\"epoch\":", i, ",\"split\":\"test\",\"a\":", i, "}\n");
  metrics(text);
  for (int i = 1; i <= 2; i++)
    std::ofstream(folder_ / concat("run/samples/step-00000", i, ".png"))
        << std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x08\0\0\0\x08\x08", 25) + char(i);
  report();
  act(R"(
    const chart = document.querySelector('.chart svg');
    const log = (what) => document.body.append(`[${what}: ` +
      document.querySelector('.where')?.textContent + ', ' + location.hash + ']');
    const key = key => chart.dispatchEvent(new KeyboardEvent('keydown', {key}));
    key('End'), key('ArrowLeft'), log('keys');
    const box = chart.getBoundingClientRect();
    chart.dispatchEvent(new PointerEvent('pointermove', {clientX: box.left + box.width * 0.4}));
    log('pointer');
    chart.dispatchEvent(new PointerEvent('pointerleave', {})), log('left');
    document.querySelector('input[name=logy]').click(), log('log');
    document.querySelector('input[value=epoch]').click(), log('epoch');
    const slider = document.getElementById('slider');
    slider.value = 0;
    slider.dispatchEvent(new Event('input')), log('slider');
    document.querySelectorAll('#strip button')[1].click(), log('strip');
    document.querySelector('#changes input').click();)");
  const Shown shown = show();
  EXPECT_EQ(shown.console, "");
  EXPECT_EQ(
      shown.all("\\[([a-z]+: [^\\]]*)\\]"),
      (std::vector<std::string>{"keys: step 400, epoch 4, #at=400",
                                "pointer: step 200, epoch 2, #at=400", "left: undefined, #at=400",
                                "log: undefined, #logy=1", "epoch: undefined, #x=epoch&amp;logy=1",
                                "slider: undefined, #x=epoch&amp;logy=1&amp;sample=1",
                                "strip: undefined, #x=epoch&amp;logy=1"}));
  EXPECT_EQ(shown.all("aria-live=\"polite\">([^<]*)<"),
            std::vector<std::string>{"a at step 400: test 4.000 "});
  EXPECT_EQ(shown.all("id=\"configuration\" class=\"(changes-only)\"").size(), 1u);
}

TEST_F(ReportInBrowser, OddRunsAreShown) {
  metrics("");
  report();
  Shown shown = show();
  EXPECT_EQ(shown.console, "");
  EXPECT_EQ(shown.all("(No figures yet)").size(), 3u);  // summary, curves, and the script itself

  // Values that are not finite leave gaps and crosses; names that would break out do not.
  std::string text;
  for (const char* value : {"1", "2", "null", "3", "null"})
    text += concat("{\"step\":", text.size(), ",\"epoch\":0,\"split\":\"test\",\"a\":", value,
                   ",\"__proto__\":null,\"</script><script>console.log(1)</script>\":0}\n");
  metrics(text);
  report();
  shown = show("#at=0&logx=1&x=epoch&sample=9");
  EXPECT_EQ(shown.console, "");
  shown = show("#logy=1");
  EXPECT_EQ(shown.console, "");
  ASSERT_EQ(shown.all("class=\"line test\" d=\"([^\"]*)\"").size(), 2u);
  EXPECT_EQ(places(shown.all("class=\"line test\" d=\"([^\"]*)\"")[0]).size(), 2u);
  EXPECT_EQ(shown.all("class=\"(broken) test\"").size(), 2u);
  EXPECT_EQ(shown.all(">(no finite values)<").size(), 1u);

  // That nothing was logged tells something only when it would have been seen.
  act("nothing.at.all</script><script src=\"http://localhost/x.js\">");
  shown = show();
  EXPECT_NE(shown.console.find("nothing is not defined"), std::string::npos) << shown.console;
  EXPECT_NE(shown.console.find("Content Security Policy"), std::string::npos) << shown.console;
}

}  // namespace
}  // namespace imago::test
