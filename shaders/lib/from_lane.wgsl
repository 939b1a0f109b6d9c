// A lane's value for all lanes of a subgroup of 16 at most. Where the lane's number is known to the compiler, this is one broadcast; a shuffle would
// cost a software adapter a loop over its lanes.
fn from_lane(v: vec4f, lane: u32) -> vec4f {
  switch lane {
    case 0u {
      return subgroupBroadcast(v, 0u);
    }
    case 1u {
      return subgroupBroadcast(v, 1u);
    }
    case 2u {
      return subgroupBroadcast(v, 2u);
    }
    case 3u {
      return subgroupBroadcast(v, 3u);
    }
    case 4u {
      return subgroupBroadcast(v, 4u);
    }
    case 5u {
      return subgroupBroadcast(v, 5u);
    }
    case 6u {
      return subgroupBroadcast(v, 6u);
    }
    case 7u {
      return subgroupBroadcast(v, 7u);
    }
    case 8u {
      return subgroupBroadcast(v, 8u);
    }
    case 9u {
      return subgroupBroadcast(v, 9u);
    }
    case 10u {
      return subgroupBroadcast(v, 10u);
    }
    case 11u {
      return subgroupBroadcast(v, 11u);
    }
    case 12u {
      return subgroupBroadcast(v, 12u);
    }
    case 13u {
      return subgroupBroadcast(v, 13u);
    }
    case 14u {
      return subgroupBroadcast(v, 14u);
    }
    default {
      return subgroupBroadcast(v, 15u);
    }
  }
}
