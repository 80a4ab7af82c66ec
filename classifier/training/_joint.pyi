import numpy as np
import numpy.typing as npt

class JointSolver:
    n_visits: int
    def __init__(
        self,
        data: npt.NDArray[np.float64],
        indices: npt.NDArray[np.int32],
        indptr: npt.NDArray[np.int64],
        signs: npt.NDArray[np.int8],
        n_features: int,
        random_state: int,
    ) -> None: ...
    def fit(self, C: npt.NDArray[np.float64], tol: float, max_iter: int) -> int: ...
    def coef(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
