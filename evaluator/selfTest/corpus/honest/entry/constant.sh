# Prints a .npy file of ROWS rows that each give class 0 the value FIRST and the nine others OTHER.
# usage: sh constant.sh [ROWS [DESCR [FIRST [OTHER]]]]   values as printf escapes; by default float32 1 and 0
rows=${1-1000} descr=${2-<f4} first=${3-'\000\000\200\077'} other=${4-'\000\000\000\000'}
printf '\223NUMPY\001\000\166\000' # magic, version 1.0, 118 bytes of header
printf '%-117s\n' "{'descr': '$descr', 'fortran_order': False, 'shape': ($rows, 10), }"
row="$first$other$other$other$other$other$other$other$other$other"
i=0
while [ "$i" -lt "$rows" ]; do
  # shellcheck disable=SC2059 # the row is a format: its escapes become bytes
  printf "$row"
  i=$((i + 1))
done
