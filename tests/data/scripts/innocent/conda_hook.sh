source ~/.bashrc
eval "$(conda shell.bash hook)"
source "$(conda info --base)/etc/profile.d/conda.sh"
conda activate haddock3
conda run -n haddock3 python -m pytest -q
