"""Prints what QGIS makes of rasters and vector files, as JSON; run by the Python that QGIS belongs to.

python3 qgis_reader.py FILE...
"""

import json
import sys
from importlib import import_module

core = import_module('qgis.core')  # of the system: no requirement brings it

RASTERS = ('.tif', '.vrt')


def raster(path: str) -> dict:
    """Renderer, legend, no data, projection and some values."""
    layer = core.QgsRasterLayer(path, 'map')
    provider, renderer = layer.dataProvider(), layer.renderer()
    found = dict(
        valid=layer.isValid(),
        crs=layer.crs().authid(),
        extent=[
            layer.extent().xMinimum(),
            layer.extent().yMinimum(),
            layer.extent().xMaximum(),
            layer.extent().yMaximum(),
        ],
        size=[layer.height(), layer.width()],
        bands=[layer.bandName(number) for number in range(1, layer.bandCount() + 1)],
        renderer=type(renderer).__name__,
        nodata=provider.sourceNoDataValue(1) if provider.sourceHasNoDataValue(1) else None,
        scale=provider.bandScale(1),
    )
    if found['renderer'] == 'QgsPalettedRasterRenderer':
        found['legend'] = {int(one.value): [one.label, *one.color.getRgb()] for one in renderer.classes()}
    block = provider.block(1, layer.extent(), layer.width(), layer.height())
    found['values'] = [
        [None if block.isNoData(row, col) else block.value(row, col) for col in range(layer.width())]
        for row in range(layer.height())
    ]
    return found


def vector(path: str) -> dict:
    """Fields, projection, attributes, and of each polygon its area and whether it is valid."""
    layer = core.QgsVectorLayer(path, 'polygons', 'ogr')
    features = list(layer.getFeatures()) if layer.isValid() else []
    return dict(
        valid=layer.isValid(),
        crs=layer.crs().authid(),
        fields=[field.name() for field in layer.fields()],
        extent=[
            layer.extent().xMinimum(),
            layer.extent().yMinimum(),
            layer.extent().xMaximum(),
            layer.extent().yMaximum(),
        ],
        attributes=[[None if str(value) == 'NULL' else value for value in one.attributes()] for one in features],
        areas=[one.geometry().area() for one in features],
        wrong=[one.id() for one in features if not one.geometry().isGeosValid()],
    )


if __name__ == '__main__':
    application = core.QgsApplication([], False)
    application.initQgis()
    answers = {path: (raster if path.endswith(RASTERS) else vector)(path) for path in sys.argv[1:]}
    print(json.dumps(dict(version=core.Qgis.QGIS_VERSION, files=answers)))
    application.exitQgis()
