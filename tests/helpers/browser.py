"""A headless Chromium; tests that need it are skipped where it is not installed."""

import shutil

import pytest

PROGRAMS = ('chromium', 'chromedriver')


@pytest.fixture(scope='module')
def browser():
    """Chromium without a window; it keeps what the console says and what the network is asked for."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f'{" and ".join(missing)} not installed (on Debian: apt-get install chromium chromium-driver)')
    webdriver = pytest.importorskip('selenium.webdriver')
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which('chromium')
    for argument in ('--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', dict(browser='ALL', performance='ALL'))
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which('chromedriver')))
    yield driver
    driver.quit()


def resize(driver, width: int, height: int = 900) -> None:
    """Give the page this size in CSS pixels; windows themselves cannot be as narrow as a phone."""
    size = dict(width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
    driver.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
